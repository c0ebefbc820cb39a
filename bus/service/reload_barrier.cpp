// SPDX-License-Identifier: MIT
#include "bus/service/reload_barrier.h"

#include <string_view>

#include "bus/access/callers.h"
#include "bus/service/manager_object.h"
#include "bus/service/vm_object.h"
#include "common/shared_names.h"

namespace qemunit::bus {

namespace {

// Calls of all callers together, and of one of them.
constexpr std::size_t kHeldMax = 1000;
constexpr unsigned kHeldMaxOfCaller = 64;

bool is_one_of(std::string_view interface, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        if (interface == name)
            return true;
    return false;
}

}  // namespace

Result<std::unique_ptr<ReloadBarrier>> ReloadBarrier::watch(sd_bus *bus, VmRegistry &registry) {
    std::unique_ptr<ReloadBarrier> barrier(new ReloadBarrier(registry));
    sd_bus_slot *slot = nullptr;
    if (int r = sd_bus_add_filter(bus, &slot, on_message, barrier.get()); r < 0)
        return fail_errno(r, "cannot watch for calls");
    barrier->slot_.reset(slot);
    return barrier;
}

bool ReloadBarrier::has_to_wait(sd_bus_message *message) const {
    const char *path = sd_bus_message_get_path(message);
    const char *interface = sd_bus_message_get_interface(message);
    if (!path || !std::string_view(path).starts_with(kManagerObject))
        return false;
    if (path == std::string_view(kManagerObject)) {
        // The manager's one property and "are you there?" do not depend on VMs.
        if (interface &&
            is_one_of(interface, {"org.freedesktop.DBus.Properties", "org.freedesktop.DBus.Peer"}))
            return false;
    } else if (const Vm *vm = vm_at(registry_, path); vm && vm->is_up()) {
        return false;
    }
    return !registry_.is_current();
}

// No more messages than would be open anyway: see Callers.
bool ReloadBarrier::has_room_for(const std::string &caller) const {
    const auto of_caller = held_of_.find(caller);
    return held_ < kHeldMax && bytes_in_use() < Callers::kTightBytes &&
           (of_caller == held_of_.end() || of_caller->second < kHeldMaxOfCaller);
}

void ReloadBarrier::release(const MessagePtr &message, const std::string &caller) {
    --held_;
    if (--held_of_[caller] == 0)
        held_of_.erase(caller);
    if (sd_bus_enqueue_for_read(sd_bus_message_get_bus(message.get()), message.get()) >= 0)
        released_.emplace(message.get(), message);
    else
        sd_bus_reply_method_errorf(message.get(), SD_BUS_ERROR_NO_MEMORY, "Out of memory");
}

int ReloadBarrier::on_message(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *barrier = static_cast<ReloadBarrier *>(userdata);
    if (barrier->released_.erase(message) ||
        !sd_bus_message_is_method_call(message, nullptr, nullptr) || !barrier->has_to_wait(message))
        return 0;
    const char *sender = sd_bus_message_get_sender(message);
    const std::string caller = sender ? sender : "";
    if (!barrier->has_room_for(caller))
        return 0;
    ++barrier->held_;
    ++barrier->held_of_[caller];
    barrier->registry_.when_current(
        [barrier, held = keep_message(message), caller] { barrier->release(held, caller); });
    return 1;
}

}  // namespace qemunit::bus
