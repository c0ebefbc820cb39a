// SPDX-License-Identifier: MIT
//
// The table of what qemunitctl can do. The parser, the help, the completion's test and
// main() go by it: a new verb is one row and one function.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/options.h"
#include "common/result.h"

namespace qemunit::ctl {

struct Invocation;

struct Verb {
    // The exit code, or what went wrong.
    using Run = Result<int> (*)(const Invocation &);

    std::string_view name;            // "list", "snapshot save"
    std::string_view arguments = "";  // "VM TAG", as the help shows them
    std::size_t least = 0, most = 0;  // how many of them
    bool of_vm = false;               // the first argument is the name of a VM
    // Behind the first argument there are no options: the words are QEMU's or the guest's.
    bool literal = false;
    bool local = false;       // of this machine only
    bool many_hosts = false;  // of several machines at once
    bool authorized = false;  // users other than root may need a password
    // Those of this verb alone. Invocation has what was given, by their names.
    std::span<const OptionText> options = {};
    std::string_view help;
    Run run;
};

std::span<const Verb> verbs();

// A message about a word that is no verb: which verb was meant, or which program does the work.
std::string unknown_verb(std::string_view word, std::string_view argument);

}  // namespace qemunit::ctl
