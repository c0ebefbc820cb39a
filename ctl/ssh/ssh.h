// SPDX-License-Identifier: MIT
//
// `qemunitctl ssh`: becomes ssh(1) for a guest, which reaches it by `proxy`.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct SshCommand {
    std::string target;                // "qemu/vm1"
    std::string user;                  // of [CloudInit]; "": ssh decides
    std::string known_hosts;           // the file
    std::vector<std::string> proxy;    // the command
    std::vector<std::string> options;  // of the user, which win
    std::vector<std::string> command;
};

// Its words, "ssh" first.
std::vector<std::string> ssh_words(const SshCommand &ssh);

Result<int> run_ssh(const Invocation &invocation);

}  // namespace qemunit::ctl
