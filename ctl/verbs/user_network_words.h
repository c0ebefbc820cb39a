// SPDX-License-Identifier: MIT
//
// QEMU's command line as it would be with QEMU's own user networks: what qemunit-usernet was told
// stands in the -netdev again. For the verbs that compare command lines, or show them to somebody
// who runs QEMU by hand, without that program. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace qemunit::ctl {

// `command_of`: the words of the qemunit-usernet of a network; empty if there is none.
std::vector<std::string> with_user_networks(
    std::vector<std::string> qemu,
    const std::function<std::vector<std::string>(const std::string &network)> &command_of);

}  // namespace qemunit::ctl
