// SPDX-License-Identifier: MIT
//
// Takes a device from a running guest. QEMU only asks; the guest lets go when it likes.
#pragma once

#include <cstdint>
#include <string>

#include "bus/methods/vm_call.h"
#include "bus/monitor/event_waits.h"

namespace qemunit::bus {

// Time to finish what was begun at the last moment, before callers give up.
inline constexpr uint64_t kReleaseTime = 2 * kSecond;

// Keeps the device to this call until the answer. False, and the call is answered, if another one
// has it; `what` for people: "network 'lan'".
bool claim(const CallPtr &call, const std::string &device, const std::string &what);

EventWaits::Matcher is_unplugged(const std::string &device);

// `done` is called once: when the guest has let go, or with the error of QEMU, or that the time of
// the call is over.
void unplug(const CallPtr &call, const std::string &device, VmMonitor::ReplyCallback done);
// The same, for a device of which another event tells.
void unplug(const CallPtr &call, const std::string &device, EventWaits::Matcher is_gone,
            VmMonitor::ReplyCallback done);

// The error Timeout; `what` the guest was to let go of: "drive 'data'".
void reply_not_let_go(const CallPtr &call, const std::string &what);

}  // namespace qemunit::bus
