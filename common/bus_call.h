// SPDX-License-Identifier: MIT
//
// Asynchronous D-Bus method calls. The daemon never waits for a reply: whoever is
// slow, PID 1 in a reload or a polkit agent, must not hold up the other callers.
#pragma once

#include <cstdint>
#include <functional>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit {

// The name by which the bus itself sends signals.
inline constexpr char kBusDaemon[] = "org.freedesktop.DBus";

// Gets the reply or an error message (sd_bus_message_get_error(3)).
using BusReplyHandler = std::function<void(sd_bus_message *reply)>;

// A method call to be filled with sd_bus_message_append(3).
Result<MessagePtr> new_method_call(sd_bus *bus, const char *destination, const char *path,
                                   const char *interface, const char *member);

// Sends the call. Dropping the slot forgets it: the handler is not called any more.
// `timeout`: in µs; 0 is sd-bus's own, 25 s. After it the handler gets an error, too.
Result<SlotPtr> call_async(sd_bus *bus, sd_bus_message *call, BusReplyHandler handler,
                           uint64_t timeout = 0);

// The same, and the handler is called in any case: at once with nullptr if the call cannot be
// sent. The caller has no slot to keep.
void call_and_forget(sd_bus *bus, const Result<MessagePtr> &call, BusReplyHandler handler,
                     uint64_t timeout = 0);

}  // namespace qemunit
