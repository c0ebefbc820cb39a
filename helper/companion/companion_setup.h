// SPDX-License-Identifier: MIT
//
// What a companion begins with, out of its command line (companion_command.h): its ends of QEMU's
// chardevs, and what the VM's ini file says of its work.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "helper/console/port_end.h"
#include "helper/guest/notify_server.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/options.h"
#include "helper/lifecycle/image_marks.h"
#include "helper/lifecycle/moving_in.h"

namespace qemunit::helper {

struct CompanionSetup {
    UniqueFd qmp;
    std::vector<PortEnd> ports;
    StopMode stop = StopMode::poweroff;
    uint64_t stop_timeout_usec = kDefaultStopTimeout;
    std::string not_saved;  // why the machine must not be hibernated when asked; "": it may be
    uint64_t idle_timeout_usec = 0;    // 0: never
    UniqueFd resumed;                  // if QEMU resumes: where to say that it has
    std::optional<Incoming> incoming;  // if the VM comes from another host
    UniqueFd requests;                 // companion.sock
    std::optional<PortEnd> agent;
    std::vector<std::string> unplugged;      // network cards
    std::vector<std::string> network_lists;  // sockets of user networks
    Awaited ready;
    std::optional<NotifyListener> notify;  // for the guest's READY=1
    UniqueFd caller;                       // `qemunitctl run`, with which the VM ends
    UniqueFd successors;                   // where another QEMU is asked for, if one can follow
    std::string obstacle;                  // or why none can
    struct Image {
        std::string drive;
        unsigned set = 0;
    };
    std::vector<Image> images;  // that are kept for one
    ImageFiles looked_at;       // for the saved state
    pid_t qemu = -1;            // the process that becomes it
};

CompanionSetup companion_setup(CompanionCommand command);

}  // namespace qemunit::helper
