// SPDX-License-Identifier: MIT
//
// ResizeDrive of org.qemunit1.VM. QEMU grows the image that it has open, and tells the guest.
#include "bus/monitor/drive_size.h"

#include <fmt/format.h>

#include <string>

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
    std::shared_ptr<void> held;  // Vm::begin_resize()
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

// Last of all: that the images are QEMU's has to hold when QEMU reads the command.
void resize_if_held(const CallPtr &call, const Growth &growth) {
    ask(call, "query-migrate", nullptr, [call, growth](const json &migration) {
        ask(call, "query-status", nullptr, [call, growth, migration](const json &status) {
            const auto vm = call->vm.lock();
            if (vm && !vm->is_running())
                return refuse_busy(call, growth, "the VM starts or stops");
            if (const std::string why = image_hold(status, migration); !why.empty())
                return refuse_busy(call, growth, why);
            resize(call, growth);
        });
    });
}

void grow(const CallPtr &call, Growth growth) {
    const auto vm = call->vm.lock();
    if (vm && vm->has_backup())  // QEMU may not know of it yet
        return refuse_busy(call, growth, "a backup of the VM is under way");
    growth.held = vm ? vm->begin_resize() : nullptr;
    if (!growth.held)
        return refuse_busy(call, growth, "another call makes a drive of the VM larger");
    ask(call, "query-block", nullptr, [call, growth = std::move(growth)](const json &devices) {
        if (has_backup_filter(devices))
            return refuse_busy(call, growth, "a backup of the VM is under way");
        const auto drive = drive_size(devices, growth.drive, call->vm_name);
        if (!drive)
            return reply_invalid(*call, drive.error());
        if (const std::string fault = drive_size_fault(*drive, growth.bytes); !fault.empty())
            return reply_invalid(*call, fault);
        Growth known = growth;
        known.now = *drive;
        resize_if_held(call, known);
    });
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
