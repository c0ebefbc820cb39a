// SPDX-License-Identifier: MIT
//
// What the user asked for: qemunitctl's command line, taken apart and checked. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::ctl {

struct Verb;

struct Invocation {
    enum class Bus { system, user, remote };

    const Verb *verb = nullptr;          // none: --help or --version
    std::vector<std::string> arguments;  // of the verb; the VM first, where it takes one
    Bus bus = Bus::system;
    std::string host;  // for remote
    bool help = false;
    bool version = false;
    bool json = false;
    bool names = false;
    bool read_only = false;
    bool wait = false;
    bool no_ask_password = false;
};

// Of the manager whose VMs these are, on this machine.
Paths paths_of(const Invocation &invocation);

// The words behind the program's name.
Result<Invocation> parse_invocation(const std::vector<std::string> &words);

std::string help_text();

}  // namespace qemunit::ctl
