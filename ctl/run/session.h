// SPDX-License-Identifier: MIT
//
// A run while its VM lives: standard input, output and error between here and the guest, signals,
// the time limit, the guest's verdict. Believes nothing that comes from the guest.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/run/verdict.h"

namespace qemunit::ctl {

// Our ends of what QEMU and the companion have.
struct RunEnds {
    UniqueFd caller;  // the VM lives as long as this is open
    UniqueFd control, input, output, errors, events;
    UniqueFd console;  // what the guest's serial port prints
    UniqueFd
        log;  // standard output and error of the unit; ends when systemd has let go of the unit
};

struct RunLimits {
    uint64_t timeout_usec = 0;   // 0: none
    std::string timeout;         // as it was given
    int events = -1;             // where the command's events go; -1: nowhere
    bool shows_console = false;  // on standard error, as it comes
    bool has_terminal = false;   // standard input and output are the terminal of the command
};

// From now on, signals wait until run_session() takes them.
Result<> hold_signals();

// Returns when nothing of the VM is left.
Result<Ending> run_session(RunEnds ends, const RunLimits &limits);

}  // namespace qemunit::ctl
