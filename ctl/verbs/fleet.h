// SPDX-License-Identifier: MIT
//
// `qemunitctl list` of several hosts: each is asked at once, by a qemunitctl of its own, so that
// one that does not answer delays the others by no more than its deadline, and hides none of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// What one host has said: `list --json`, or why there is none.
struct HostList {
    std::string host;
    Result<std::string> json;
};
struct FleetText {
    std::string text;                 // for standard output
    std::vector<std::string> errors;  // a line for each host that did not answer
};
// Of VMs, as `qemunitctl list` has them with a column or member for the host. `format`: "",
// "--json" or "--names".
FleetText fleet_text(const std::vector<HostList> &lists, std::string_view format);

// The exit code is 1 if a host did not answer.
Result<int> list_fleet(const Invocation &invocation, const std::vector<std::string> &hosts);

}  // namespace qemunit::ctl
