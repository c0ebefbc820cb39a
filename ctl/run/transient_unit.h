// SPDX-License-Identifier: MIT
//
// Has the caller's manager start the VM of a `run`, as a unit without a file: systemd forgets it
// when it has ended, however that was. The unit's settings are those of our drop-ins for its name.
#pragma once

#include <string>
#include <vector>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::ctl {

struct TransientUnit {
    std::string name, description;
    std::vector<std::string> command;
    int input = -1;   // of its processes
    int output = -1;  // standard output and error
};

// Returns when systemd has taken it on, not when it runs.
Result<> start_transient_unit(sd_bus *bus, const TransientUnit &unit);

}  // namespace qemunit::ctl
