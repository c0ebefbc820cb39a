// SPDX-License-Identifier: MIT
//
// What the companion of a VM has to do with: its ends of QEMU's chardevs, and what it was told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "helper/console/port_end.h"
#include "helper/guest/guest_notices.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

struct CompanionSide {
    UniqueFd qmp;
    std::vector<PortEnd> ports;
    StopMode stop = StopMode::poweroff;
    uint64_t stop_timeout_usec = kDefaultStopTimeout;
    uint64_t idle_timeout_usec = 0;  // 0: never
    UniqueFd resumed;                // if QEMU resumes: where to say that it has
    std::optional<PortEnd> agent;
    std::vector<std::string> unplugged;  // network cards
    Awaited ready;
    std::optional<NoticeListener> notices;  // for the guest's READY=1
    pid_t qemu = -1;                        // the process that becomes it
};

CompanionSide companion_side(CompanionCommand command);

}  // namespace qemunit::helper
