// SPDX-License-Identifier: MIT
//
// The options of qemunit-usernet, as the generator writes them into ExecStart= of
// qemu-usernet@.service, and `qemunitctl run` into that of its own. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/host_forward.h"
#include "common/result.h"
#include "helper/usernet/slirp_network.h"

namespace qemunit::helper {

struct UsernetOptions {
    enum class Mode { serve, help, version } mode = Mode::serve;
    std::string vm, network;
    SlirpSettings settings;
    std::vector<HostForward> forwards;
    std::string folder;      // for the sockets of QEMU and of its companion
    bool connected = false;  // QEMU is standard input, and there is nobody else
};

Result<UsernetOptions> parse_usernet_options(const std::vector<std::string> &arguments);
std::string usernet_help();

}  // namespace qemunit::helper
