// SPDX-License-Identifier: MIT
//
// What the user asked for, as ctl/arguments.h reads it from qemunitctl's command line.
#pragma once

#include <string>
#include <vector>

#include "common/paths.h"

namespace qemunit::ctl {

struct Verb;

struct Invocation {
    enum class Bus { system, user, remote };

    const Verb *verb = nullptr;          // nullptr: --help or --version
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

}  // namespace qemunit::ctl
