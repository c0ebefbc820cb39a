// SPDX-License-Identifier: MIT
//
// Ports of the host that lead to the guest, of QEMU's user networks: `qemunitctl forward`,
// and the monitor's table of them read into rules as the ini file has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/invocation.h"

namespace qemunit::ctl {

struct Forward {
    std::string network;  // "lan"
    std::string rule;     // "tcp:127.0.0.1:10022-10.0.2.15:22"
};

// From what the monitor prints for kForwardsCommand.
std::vector<Forward> parse_forwards(std::string_view usernet);
inline constexpr char kForwardsCommand[] = "info usernet";

Result<int> run_forward_list(const Invocation &invocation);
Result<int> run_forward_add(const Invocation &invocation);
Result<int> run_forward_remove(const Invocation &invocation);

}  // namespace qemunit::ctl
