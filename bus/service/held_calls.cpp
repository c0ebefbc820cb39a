// SPDX-License-Identifier: MIT
#include "bus/service/held_calls.h"

#include <string_view>

#include "bus/access/callers.h"
#include "bus/service/manager_object.h"
#include "bus/service/vm_object.h"

namespace qemunit::bus {

namespace {

// Calls of all, and of one caller.
constexpr std::size_t kHeldMax = 1000;
constexpr unsigned kHeldMaxOfCaller = 64;

bool is_one_of(std::string_view interface, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        if (interface == name)
            return true;
    return false;
}

}  // namespace

Result<std::unique_ptr<HeldCalls>> HeldCalls::watch(sd_bus *bus, VmRegistry &registry) {
    std::unique_ptr<HeldCalls> calls(new HeldCalls(registry));
    sd_bus_slot *slot = nullptr;
    if (int r = sd_bus_add_filter(bus, &slot, on_message, calls.get()); r < 0)
        return fail_errno(r, "cannot watch for calls");
    calls->slot_.reset(slot);
    return calls;
}

bool HeldCalls::has_to_wait(sd_bus_message *message) const {
    const char *path = sd_bus_message_get_path(message);
    const char *interface = sd_bus_message_get_interface(message);
    if (!path || !std::string_view(path).starts_with(kManagerObject))
        return false;
    if (path == std::string_view(kManagerObject)) {
        // Its one property, and "are you there?", are no question of VMs.
        if (interface &&
            is_one_of(interface, {"org.freedesktop.DBus.Properties", "org.freedesktop.DBus.Peer"}))
            return false;
    } else if (const Vm *vm = vm_at(registry_, path); vm && vm->is_up()) {
        return false;
    }
    return !registry_.is_current();
}

// No more messages than would be open anyway: see Callers.
bool HeldCalls::has_room_for(const std::string &caller) const {
    const auto of_caller = held_of_.find(caller);
    return held_ < kHeldMax && bytes_in_use() < Callers::kTightBytes &&
           (of_caller == held_of_.end() || of_caller->second < kHeldMaxOfCaller);
}

void HeldCalls::let_go(const MessagePtr &message, const std::string &caller) {
    --held_;
    if (--held_of_[caller] == 0)
        held_of_.erase(caller);
    if (sd_bus_enqueue_for_read(sd_bus_message_get_bus(message.get()), message.get()) >= 0)
        let_go_.emplace(message.get(), message);
    else
        sd_bus_reply_method_errorf(message.get(), SD_BUS_ERROR_NO_MEMORY, "Out of memory");
}

int HeldCalls::on_message(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *calls = static_cast<HeldCalls *>(userdata);
    if (calls->let_go_.erase(message) ||
        !sd_bus_message_is_method_call(message, nullptr, nullptr) || !calls->has_to_wait(message))
        return 0;
    const char *sender = sd_bus_message_get_sender(message);
    const std::string caller = sender ? sender : "";
    if (!calls->has_room_for(caller))
        return 0;
    ++calls->held_;
    ++calls->held_of_[caller];
    calls->registry_.when_current(
        [calls, held = keep_message(message), caller] { calls->let_go(held, caller); });
    return 1;
}

}  // namespace qemunit::bus
