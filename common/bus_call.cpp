// SPDX-License-Identifier: MIT
#include "common/bus_call.h"

namespace qemunit {

Result<MessagePtr> new_method_call(sd_bus *bus, const char *destination, const char *path,
                                   const char *interface, const char *member) {
    sd_bus_message *call = nullptr;
    if (int r = sd_bus_message_new_method_call(bus, &call, destination, path, interface, member);
        r < 0)
        return fail_errno(r, std::string("cannot make a D-Bus call of ") + member);
    return own_message(call);
}

Result<SlotPtr> call_async(sd_bus *bus, sd_bus_message *call, BusReplyHandler handler,
                           uint64_t timeout) {
    auto owned = std::make_unique<BusReplyHandler>(std::move(handler));
    sd_bus_slot *slot = nullptr;
    int r = sd_bus_call_async(
        bus, &slot, call,
        [](sd_bus_message *reply, void *userdata, sd_bus_error *) {
            (*static_cast<BusReplyHandler *>(userdata))(reply);
            return 0;
        },
        owned.get(), timeout);
    if (r < 0)
        return fail_errno(r, std::string("cannot call ") + sd_bus_message_get_member(call));
    // sd-bus keeps the slot until its callback has returned, and the handler with it.
    sd_bus_slot_set_destroy_callback(
        slot, [](void *userdata) { delete static_cast<BusReplyHandler *>(userdata); });
    (void)owned.release();
    return SlotPtr(slot);
}

void call_and_forget(sd_bus *bus, const Result<MessagePtr> &call, BusReplyHandler handler,
                     uint64_t timeout) {
    auto slot = call ? call_async(bus, call->get(), handler, timeout)
                     : Result<SlotPtr>(std::unexpected(call.error()));
    if (!slot)
        return handler(nullptr);
    // The bus owns the slot from here on.
    sd_bus_slot_set_floating(slot->get(), 1);
}

}  // namespace qemunit
