// SPDX-License-Identifier: MIT
//
// ResizeDrive of org.qemunit1.VM. QEMU grows the image that it has open, and tells the guest.
#include "bus/monitor/drive_size.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bus/backup/backup_nodes.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

struct Growth {
    std::string drive;
    uint64_t bytes = 0;
    std::shared_ptr<const void> held;  // Vm::hold_disks()
    DriveSize now;
};

std::string advice_on(const std::string &error) {
    return error.find("Cannot grow device files") == error.npos
               ? ""
               : "; it is a block device of the host, which has to be made larger first";
}

// The image and not the device: a backup's filter below the device does not share the right to
// resize the image, so that one that has begun meanwhile has QEMU refuse. By the device, QEMU would
// resize the filter.
void resize(const CallPtr &call, const Growth &growth) {
    execute(call, "block_resize", {{"node-name", growth.now.node}, {"size", growth.bytes}},
            [call, growth](const VmMonitor::Reply &resized) {
                if (resized)
                    return reply_done(*call);
                if (resized.error().kind != QmpError::Kind::monitor)
                    return reply_error(*call, resized.error());
                reply_error(
                    *call, bus_error::kMonitor,
                    fmt::format("Drive '{}' of VM '{}' stays at {} bytes: {}{}", growth.drive,
                                call->vm_name, growth.now.bytes, resized.error().message,
                                advice_on(resized.error().message)));
            });
}

void refuse_busy(const CallPtr &call, const Growth &growth, const std::string &why) {
    reply_error(
        *call, bus_error::kBusy,
        fmt::format("Drive '{}' of VM '{}' stays as it is: {}", growth.drive, call->vm_name, why));
}

// What QEMU says of itself, in one go.
struct Answers {
    std::optional<QmpError> refusal;  // the first one
    json migration, status;
};

void look_for_card(const CallPtr &call, const Growth &growth);

void take_answers(const CallPtr &call, Growth growth, const Answers &answers, const json &devices) {
    const auto vm = call->vm.lock();
    if (vm && !vm->is_running())
        return refuse_busy(call, growth, "the VM starts or stops");
    if (const std::string why = image_hold(answers.status, answers.migration); !why.empty())
        return refuse_busy(call, growth, why);
    if (has_backup_filter(devices))
        return refuse_busy(call, growth, "a backup of the VM is under way");
    const auto drive = drive_size(devices, growth.drive, call->vm_name);
    if (!drive)
        return reply_invalid(*call, drive.error());
    if (const std::string fault = drive_size_fault(*drive, growth.bytes); !fault.empty())
        return reply_invalid(*call, fault);
    const bool was_looked_at = growth.now.device == drive->device;
    growth.now = *drive;
    if (may_be_card(*drive) && !was_looked_at && !card_size_fault(growth.bytes).empty())
        return look_for_card(call, growth);
    resize(call, growth);
}

// All of it has to hold when QEMU reads the command to resize, and the size most of all: QEMU cuts
// off what is too long, as by a monitor somebody may load a snapshot any time. So QEMU gets the
// questions at once, that of the size last, and the command as soon as it has answered.
void look_and_resize(const CallPtr &call, const Growth &growth) {
    const auto answers = std::make_shared<Answers>();
    for (const auto &[command, answer] :
         {std::pair("query-migrate", &Answers::migration), {"query-status", &Answers::status}})
        execute(call, command, nullptr, [answers, answer](const VmMonitor::Reply &reply) {
            if (reply)
                (*answers).*answer = *reply;
            else if (!answers->refusal)
                answers->refusal = reply.error();
        });
    ask(call, "query-block", nullptr, [call, growth, answers](const json &devices) {
        if (answers->refusal)
            return reply_error(*call, *answers->refusal);
        take_answers(call, growth, *answers, devices);
    });
}

// What is no card is looked at once more, as the drive may be another one by then.
void look_for_card(const CallPtr &call, const Growth &growth) {
    ask(call, "qom-get", {{"path", growth.now.device}, {"property", "type"}},
        [call, growth](const json &type) {
            if (type == "sd-card")
                return reply_invalid(*call, card_size_fault(growth.bytes));
            look_and_resize(call, growth);
        });
}

void grow(const CallPtr &call, Growth growth) {
    const auto vm = call->vm.lock();
    if (vm && vm->has_backup())  // QEMU may not know of it yet
        return refuse_busy(call, growth, "a backup of the VM is under way");
    growth.held = vm ? vm->hold_disks("a drive of the VM is being made larger") : nullptr;
    if (!growth.held)
        return refuse_busy(call, growth, vm ? vm->disk_hold() : "the VM is gone");
    look_and_resize(call, growth);
}

int method_resize_drive(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "block_resize"}, error,
                      [](const CallPtr &call) {
                          const char *drive = nullptr;
                          uint64_t bytes = 0;
                          if (read_arguments(*call, "st", &drive, &bytes))
                              grow(call, {drive, bytes, {}, {}});
                      });
}

}  // namespace

const sd_bus_vtable kDriveSizeMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("ResizeDrive", SD_BUS_ARGS("s", drive, "t", bytes), SD_BUS_NO_RESULT,
                            method_resize_drive, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
