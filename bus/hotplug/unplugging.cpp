// SPDX-License-Identifier: MIT
#include "bus/hotplug/unplugging.h"

#include <fmt/format.h>

#include <utility>

#include "common/bus_errors.h"

namespace qemunit::bus {

namespace {

// The error that QEMU has asked the guest already, and does not ask again so soon.
bool is_being_unplugged(const QmpError &error) {
    return error.kind == QmpError::Kind::monitor &&
           error.message.find("in the process of unplug") != std::string::npos;
}

}  // namespace

bool claim(const CallPtr &call, const std::string &device, const std::string &what) {
    const auto vm = call->vm.lock();
    call->held = vm ? vm->claim_device(device) : nullptr;
    if (!call->held)
        reply_error(*call, bus_error::kBusy,
                    fmt::format("Another call changes {} of VM '{}'; try again when that has ended",
                                what, call->vm_name));
    return call->held != nullptr;
}

EventWaits::Matcher is_unplugged(const std::string &device) {
    return [device](const QmpEvent &event) {
        return event.name == "DEVICE_DELETED" && string_at(event.data, "device") == device;
    };
}

void unplug(const CallPtr &call, const std::string &device, VmMonitor::ReplyCallback done) {
    unplug(call, device, is_unplugged(device), std::move(done));
}

void unplug(const CallPtr &call, const std::string &device, EventWaits::Matcher is_gone,
            VmMonitor::ReplyCallback done) {
    const auto vm = call->vm.lock();
    if (!vm)
        return done(std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"}));
    const uint64_t wait = vm->waits().wait(std::move(is_gone), call->deadline, done);
    execute(call, "device_del", {{"id", device}},
            [call, wait, done](const VmMonitor::Reply &asked) {
                const auto same_vm = call->vm.lock();
                if (asked || asked.error().kind != QmpError::Kind::monitor || !same_vm ||
                    is_being_unplugged(asked.error()))
                    return;  // the wait has an end of its own
                if (same_vm->waits().cancel(wait))
                    done(asked);
            });
}

void reply_not_let_go(const CallPtr &call, const std::string &what) {
    const auto vm = call->vm.lock();
    reply_error(
        *call, bus_error::kTimeout,
        fmt::format("The guest of VM '{}', which is {}, has not let go of {} within {} s; it "
                    "stays attached until the guest does",
                    call->vm_name, vm ? vm->state() : "gone", what, call->timeout / kSecond));
}

}  // namespace qemunit::bus
