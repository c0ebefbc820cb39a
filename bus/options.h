// SPDX-License-Identifier: MIT
//
// qemunitd's command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time_units.h"

namespace qemunit::bus {

struct DaemonOptions {
    enum class Mode { serve, help, version } mode = Mode::serve;
    bool user = false;                  // VMs of the user who runs it, not of the system
    std::string state;                  // in place of /var/lib, or ""
    uint64_t idle_usec = 60 * kSecond;  // after which it ends when nobody needs it; 0: never
};

Result<DaemonOptions> parse_daemon_options(const std::vector<std::string> &arguments);

std::string daemon_help();

}  // namespace qemunit::bus
