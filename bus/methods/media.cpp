// SPDX-License-Identifier: MIT
//
// ChangeMedium and EjectMedium of org.qemunit1.VM. The image comes as an open file: the sandbox of
// the VM, which sees the files of its ini and no others, stays as it is.
#include <fcntl.h>
#include <fmt/format.h>

#include <string>

#include "bus/methods/image_file.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/qmp/medium_name.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

struct Medium {
    std::string drive, name;
    UniqueFd image;
};

// An error is ignored: a set that nobody uses costs QEMU one open file.
void remove_set(const CallPtr &call, const json &id) {
    execute(call, "remove-fd", {{"fdset-id", id}}, [](const VmMonitor::Reply &) {});
}

// Removes the sets of images that were in the drive before; QEMU closes an image when it is not
// used any more.
void remove_earlier_sets(const CallPtr &call, const std::string &drive, const json &kept) {
    execute(call, "query-fdsets", nullptr, [call, drive, kept](const VmMonitor::Reply &sets) {
        if (!sets || !sets->is_array())
            return;
        for (const json &set : *sets)
            if (set.is_object() && set.value("fdset-id", json()) != kept &&
                medium_in_set(set, drive))
                remove_set(call, set.value("fdset-id", json()));
    });
}

void insert(const CallPtr &call, const std::shared_ptr<Medium> &medium) {
    execute(
        call, "add-fd", {{"opaque", medium_label(medium->drive, medium->name)}},
        [call, medium](const VmMonitor::Reply &added) {
            if (!added)
                return reply_error(*call, added.error());
            const json id = added->is_object() ? added->value("fdset-id", json()) : json();
            execute(call, "blockdev-change-medium",
                    {{"id", medium->drive},
                     {"filename", fmt::format("/dev/fdset/{}", id.dump())},
                     {"format", "raw"}},
                    [call, medium, id](const VmMonitor::Reply &changed) {
                        if (!changed) {
                            remove_set(call, id);
                            return reply_error(*call, changed.error());
                        }
                        remove_earlier_sets(call, medium->drive, id);
                        reply_done(*call);
                    });
        },
        std::move(medium->image));
}

void change_medium(const CallPtr &call) {
    const char *drive = nullptr, *name = nullptr;
    int fd = -1;  // owned by the message
    if (!read_arguments(*call, "shs", &drive, &fd, &name))
        return;
    if (!*drive)
        return reply_invalid(*call, "The name of the drive is empty");
    if (image_kind(fd) == ImageKind::none)
        return reply_invalid(*call, "The image is neither a file nor a block device");
    // QEMU asks a set for a file that is open for just what it is going to do.
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
        return reply_invalid(*call, "The image is not open for reading only");
    auto medium =
        std::make_shared<Medium>(Medium{drive, name, UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0))});
    if (is_read(*call, medium->image ? 0 : -errno))
        insert(call, medium);
}

void eject_medium(const CallPtr &call) {
    const char *drive = nullptr;
    if (!read_arguments(*call, "s", &drive))
        return;
    if (!*drive)
        return reply_invalid(*call, "The name of the drive is empty");
    ask(call, "eject", {{"id", drive}}, [call, drive = std::string(drive)](const json &) {
        remove_earlier_sets(call, drive, nullptr);
        reply_done(*call);
    });
}

int method_change_medium(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "blockdev-change-medium"}, error,
                      change_medium);
}

int method_eject_medium(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "eject"}, error, eject_medium);
}

}  // namespace

const sd_bus_vtable kMediumMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("ChangeMedium", SD_BUS_ARGS("s", drive, "h", image, "s", name),
                            SD_BUS_NO_RESULT, method_change_medium, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("EjectMedium", SD_BUS_ARGS("s", drive), SD_BUS_NO_RESULT,
                            method_eject_medium, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
