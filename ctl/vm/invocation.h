// SPDX-License-Identifier: MIT
//
// What the user asked for, as ctl/arguments.h reads it from qemunitctl's command line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/paths.h"

namespace qemunit::ctl {

struct Verb;

struct Invocation {
    enum class Bus { system, user, remote };

    const Verb *verb = nullptr;          // nullptr: --help or --version
    std::string group;                   // "snapshot", of `snapshot --help`
    std::vector<std::string> arguments;  // of the verb; the VM first, where it takes one
    Bus bus = Bus::system;
    std::string host;   // for remote
    bool help = false;  // of the verb, or of all
    bool version = false;
    bool no_ask_password = false;

    struct Given {
        std::string_view option;  // "--json"
        std::string value;
        bool takes_value = false;
    };
    std::vector<Given> given;  // of the verb's own options, in their order

    bool has(std::string_view option) const;
    // What the last of them says; `otherwise`, if there is none.
    std::string value(std::string_view option, std::string_view otherwise = "") const;
    std::vector<std::string> values(std::string_view option) const;
};

// Of the manager whose VMs these are, on this machine.
Paths paths_of(const Invocation &invocation);

}  // namespace qemunit::ctl
