// SPDX-License-Identifier: MIT
#include "bus/methods/balloon.h"

#include <fmt/format.h>

#include <string>

#include "common/bus_errors.h"

namespace qemunit::bus {

void set_balloon(const CallPtr &call, uint64_t bytes, uint64_t memory) {
    if (bytes > memory)
        return reply_error(*call, bus_error::kInvalidArgument,
                           fmt::format("VM '{}' has {} bytes of memory, and {} are more than that",
                                       call->vm_name, memory, bytes));
    execute(call, "balloon", {{"value", bytes}}, [call](const VmMonitor::Reply &reply) {
        if (reply)
            return reply_done(*call);
        if (reply.error().kind == QmpError::Kind::monitor &&
            reply.error().message.find("No balloon device") != std::string::npos)
            return reply_error(*call, bus_error::kMonitor,
                               fmt::format("VM '{}' has no memory balloon; Balloon=yes in [VM] of "
                                           "its ini gives it one at the next start",
                                           call->vm_name));
        reply_error(*call, reply.error());
    });
}

}  // namespace qemunit::bus
