// SPDX-License-Identifier: MIT
//
// AttachDrive and DetachDrive of org.qemunit1.VM. As with ChangeMedium, the image comes as an open
// file. What is attached stands in QEMU alone (hot_drive.h), so that any qemunitd can detach it.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>

#include "bus/access/file_beginning.h"
#include "bus/hotplug/machine_place.h"
#include "bus/hotplug/options.h"
#include "bus/hotplug/unplugging.h"
#include "bus/methods/image_file.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/drive_release.h"
#include "bus/monitor/hot_drive.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// For a few bytes of a disk that has to wake up.
constexpr uint64_t kReadTime = 10 * kSecond;

struct Attachment {
    HotDrive drive;
    UniqueFd image;
};
using AttachmentPtr = std::shared_ptr<Attachment>;

std::vector<std::string> attached_drives(const std::map<std::string, std::string> &devices) {
    std::vector<std::string> names;
    for (const auto &[id, type] : devices)
        if (std::string name = hot_drive_name(id); !name.empty())
            names.push_back(std::move(name));
    return names;
}

const QmpError kGone{QmpError::Kind::disconnected, "it is gone"};

void release_at_once(const CallPtr &call, const std::string &drive, VmMonitor::ReplyCallback done) {
    if (const auto vm = call->vm.lock())
        release_drive(vm->monitor(), drive, call->deadline + kReleaseTime, std::move(done));
    else
        done(std::unexpected(kGone));
}

// Whether the guest still uses the drive: a device that is not listed any more may be about to go,
// with its DEVICE_DELETED still to come.
bool is_in_use(const VmMonitor::Reply &released) {
    return !released && released.error().kind == QmpError::Kind::monitor &&
           released.error().message.find("is in use") != std::string::npos;
}

// For a drive without a device.
void release_image(const CallPtr &call, const std::string &drive, VmMonitor::ReplyCallback done) {
    const auto vm = call->vm.lock();
    if (!vm)
        return done(std::unexpected(kGone));
    const uint64_t wait = vm->waits().wait(is_unplugged(hot_drive_id(drive)), call->deadline,
                                           [call, drive, done](const VmMonitor::Reply &gone) {
                                               if (gone)
                                                   release_at_once(call, drive, done);
                                               else
                                                   done(gone);
                                           });
    release_at_once(call, drive, [call, wait, done](const VmMonitor::Reply &released) {
        if (is_in_use(released))
            return;
        if (const auto same_vm = call->vm.lock(); same_vm && same_vm->waits().cancel(wait))
            done(released);
    });
}

// Sends both commands at once, so that no other call comes between and takes the node for a
// left-over.
void plug_in(const CallPtr &call, const AttachmentPtr &attachment, const HotPlugPlace &place,
             const json &fd_set) {
    const HotDrive &drive = attachment->drive;
    const json id = fd_set.is_object() ? fd_set.value("fdset-id", json()) : json();
    const auto refused = std::make_shared<std::optional<QmpError>>();
    execute(call, "blockdev-add", blockdev_arguments(drive, id),
            [call, id, refused](const VmMonitor::Reply &added) {
                if (added)
                    return;
                *refused = added.error();
                execute(call, "remove-fd", {{"fdset-id", id}}, [](const VmMonitor::Reply &) {});
            });
    execute(call, "device_add", device_arguments(drive, place),
            [call, name = drive.name, refused](const VmMonitor::Reply &plugged) {
                if (*refused)
                    return reply_error(*call, **refused);
                if (plugged)
                    return reply_done(*call);
                release_at_once(call, name,
                                [call, why = plugged.error()](const VmMonitor::Reply &) {
                                    reply_error(*call, why);
                                });
            });
}

void attach(const CallPtr &call, const AttachmentPtr &attachment, const HotPlugMachine &machine,
            const std::vector<std::string> &free_ports) {
    const auto place =
        hot_plug_place(machine, free_ports, call->vm_name, attachment->drive.interface);
    if (!place)
        return reply_error(*call, bus_error::kMonitor, place.error());
    // A drive of that name may have been let go while no qemunitd ran; its image is still open.
    release_image(
        call, attachment->drive.name,
        [call, attachment, place = *place](const VmMonitor::Reply &released) {
            if (!released)
                return reply_error(*call, released.error());
            execute(
                call, "add-fd",
                {{"opaque", hot_drive_label(attachment->drive.name, attachment->drive.origin)}},
                [call, attachment, place](const VmMonitor::Reply &added) {
                    if (added)
                        plug_in(call, attachment, place, *added);
                    else
                        reply_error(*call, added.error());
                },
                std::move(attachment->image));
        });
}

void look_at_machine(const CallPtr &call, const AttachmentPtr &attachment) {
    look_for_place(call, attachment->drive.name, "drive", hot_drive_id(attachment->drive.name),
                   [call, attachment](const HotPlugMachine &machine,
                                      const std::vector<std::string> &free_ports) {
                       attach(call, attachment, machine, free_ports);
                   });
}

constexpr std::size_t kOriginMax = 16384;  // two paths with what is around them

// Where the text of that option goes; nullptr if there is none of that name.
std::string *text_option(HotDrive &drive, std::string_view option) {
    return option == "format"      ? &drive.format
           : option == "serial"    ? &drive.serial
           : option == "interface" ? &drive.interface
           : option == "origin"    ? &drive.origin
                                   : nullptr;
}

// `fault` is what is wrong with them, or "".
int read_drive_options(sd_bus_message *message, HotDrive &drive, std::optional<bool> &read_only,
                       std::string &fault) {
    return read_options(message, [&](std::string_view option, std::string_view type) {
        std::string *const wanted = text_option(drive, option);
        int r = 0;
        if ((option == "read-only" || option == "discard") && type == "b") {
            int value = 0;
            r = sd_bus_message_read(message, "v", "b", &value);
            if (option == "discard")
                drive.discard = value != 0;
            else
                read_only = value != 0;
            return r;
        }
        if (wanted && type == "s") {
            const char *text = nullptr;
            if (r = sd_bus_message_read(message, "v", "s", &text); r >= 0)
                *wanted = text;
            return r;
        }
        fault = fmt::format(
            "Option '{}' of type '{}' is none: there are 'format', 'interface', 'origin' and "
            "'serial' of type 's', 'discard' and 'read-only' of type 'b'",
            option, type);
        return sd_bus_message_skip(message, "v");
    });
}

// The image as it is open, and what is asked of it.
std::string take_image(int fd, std::optional<bool> read_only, HotDrive &drive) {
    const ImageKind kind = image_kind(fd);
    if (kind == ImageKind::none)
        return "The image is neither a file nor a block device";
    const int access = fcntl(fd, F_GETFL) & O_ACCMODE;
    if (access == O_WRONLY)
        return "The image is open for writing only; open it for reading as well";
    drive.is_block_device = kind == ImageKind::block_device;
    drive.is_file_read_only = access == O_RDONLY;
    drive.read_only = read_only.value_or(drive.is_file_read_only);
    if (drive.is_file_read_only && !drive.read_only)
        return "The image is open for reading only; open it for writing as well, or say "
               "'read-only'";
    if (drive.format != "raw" && drive.format != "qcow2")
        return fmt::format("The format '{}' is none of raw, qcow2", drive.format);
    if (!drive.interface.empty() && drive.interface != "virtio" && drive.interface != "scsi")
        return fmt::format("The interface '{}' is none of virtio, scsi", drive.interface);
    if (drive.origin.size() > kOriginMax)
        return fmt::format("The origin is longer than {} bytes", kOriginMax);
    return hot_drive_serial_fault(drive.serial);
}

void answer_not_attached(const CallPtr &call, const std::string &name,
                         const std::map<std::string, std::string> &devices) {
    const auto attached = attached_drives(devices);
    reply_error(
        *call, bus_error::kInvalidArgument,
        devices.contains(name)
            ? fmt::format("'{}' was not attached to VM '{}' with AttachDrive, but is a device "
                          "of its ini, and only a new start changes that",
                          name, call->vm_name)
            : fmt::format(
                  "VM '{}' has no attached drive '{}'; it has {}", call->vm_name, name,
                  attached.empty() ? "none" : fmt::format("{}", fmt::join(attached, ", "))));
}

void answer_released(const CallPtr &call, const VmMonitor::Reply &released) {
    if (released)
        reply_done(*call);
    else
        reply_error(*call, released.error());
}

void answer_let_go(const CallPtr &call, const std::string &name, const VmMonitor::Reply &reply) {
    if (reply)
        return release_at_once(call, name, [call](const VmMonitor::Reply &released) {
            answer_released(call, released);
        });
    if (reply.error().kind != QmpError::Kind::timeout)
        return reply_error(*call, reply.error());
    const auto vm = call->vm.lock();
    if (vm)
        vm->monitor().execute("blockdev-add", leaving_mark_arguments(name),
                              call->deadline + kReleaseTime, [](const VmMonitor::Reply &) {});
    reply_not_let_go(call, fmt::format("drive '{}'", name));
}

void unplug_drive(const CallPtr &call, const std::string &name) {
    unplug(call, hot_drive_id(name),
           [call, name](const VmMonitor::Reply &reply) { answer_let_go(call, name, reply); });
}

void detach(const CallPtr &call, const std::string &name) {
    ask(call, "qom-list", {{"path", kPeripheral}}, [call, name](const json &list) {
        const auto devices = qom_children(list);
        if (devices.contains(hot_drive_id(name)))
            return unplug_drive(call, name);
        // A drive that was let go while no qemunitd ran may have left its block node and image.
        ask(call, "query-named-block-nodes", {{"flat", true}},
            [call, name, devices](const json &nodes) {
                for (const json &node : nodes)
                    if (node.is_object() && string_at(node, "node-name") == hot_drive_id(name))
                        return release_image(call, name, [call](const VmMonitor::Reply &released) {
                            answer_released(call, released);
                        });
                answer_not_attached(call, name, devices);
            });
    });
}

// A qcow2 image names other files, which QEMU opens: what of the sandbox holds the guest's own
// disks, and by nbd:// what the network leads to. The caller may change the image after it was
// looked at, and no option of QEMU forbids an external data file. So it takes the right to do
// all that QEMU can; and of those who have it, none attaches by mistake what another has laid out.
void attach_qcow2(const CallPtr &call, const AttachmentPtr &attachment) {
    const auto take_header = [call, attachment](const Result<std::string> &header) {
        const std::string fault = header ? qcow2_fault(*header) : "";
        if (!fault.empty())
            reply_invalid(*call, fault);
        else if (header)
            look_at_machine(call, attachment);
        else
            reply_error(*call,
                        header.error().code == ETIMEDOUT ? bus_error::kTimeout
                        : header.error().code == EUSERS  ? SD_BUS_ERROR_LIMITS_EXCEEDED
                                                         : bus_error::kInvalidArgument,
                        "The image's header was not read: " + header.error().message);
    };
    authorize_further(call, Action::monitor,
                      "an image of the format qcow2 can name other files, so that it takes "
                      "org.qemunit1.monitor, while one of the format raw does not",
                      [call, attachment, take_header] {
                          const auto caller = call->open.caller();
                          read_beginning(
                              sd_bus_get_event(sd_bus_message_get_bus(call->message.get())),
                              caller && caller->uid ? std::to_string(*caller->uid) : "",
                              attachment->image.get(), kQcow2HeaderSize, now_of(*call) + kReadTime,
                              take_header);
                      });
}

void attach_drive(const CallPtr &call) {
    const char *name = nullptr;
    int fd = -1;  // owned by the message
    if (!read_arguments(*call, "sh", &name, &fd))
        return;
    const auto attachment = std::make_shared<Attachment>();
    HotDrive &drive = attachment->drive;
    drive.name = name;
    std::optional<bool> read_only;
    std::string fault;
    if (!is_read(*call, read_drive_options(call->message.get(), drive, read_only, fault)))
        return;
    if (fault.empty())
        fault = hot_drive_name_fault(name);
    if (fault.empty())
        fault = take_image(fd, read_only, drive);
    if (!fault.empty())
        return reply_invalid(*call, fault);
    attachment->image = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!is_read(*call, attachment->image ? 0 : -errno))
        return;
    if (drive.format == "raw")
        look_at_machine(call, attachment);
    else
        attach_qcow2(call, attachment);
}

void detach_drive(const CallPtr &call) {
    const char *name = nullptr;
    if (!read_arguments(*call, "s", &name))
        return;
    if (const std::string fault = hot_drive_name_fault(name); !fault.empty())
        return reply_invalid(*call, fault);
    detach(call, name);
}

int method_attach_drive(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_add"}, error, attach_drive);
}

int method_detach_drive(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_del"}, error, detach_drive);
}

}  // namespace

const sd_bus_vtable kDriveMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AttachDrive", SD_BUS_ARGS("s", name, "h", image, "a{sv}", options),
                            SD_BUS_NO_RESULT, method_attach_drive, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("DetachDrive", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
                            method_detach_drive, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
