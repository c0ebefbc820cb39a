// SPDX-License-Identifier: MIT
//
// The generator's command line: PID 1's form with its directories, and the forms for people.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::generator {

struct GeneratorOptions {
    enum class Mode {
        generate,         // NORMAL [EARLY LATE]: write units (systemd.generator(7))
        dry_run,          // print them
        check,            // FILE…: parse, say what is wrong, write nothing
        explain,          // NAME: why has this VM no unit?
        explain_failure,  // NAME: what may be why QEMU has refused to start
        print_run,        // NAME: for `qemunitctl run`: the unit's name and its command
        version,
        help,
    };
    Mode mode = Mode::generate;
    bool user = false;                   // VMs of the user who runs it, not of the system
    std::string root;                    // prefix of the search directories
    std::string output;                  // for generate: the first directory
    std::vector<std::string> arguments;  // for check: files; for explain: the name
};

Result<GeneratorOptions> parse_generator_options(const std::vector<std::string> &arguments);

std::string generator_help();

}  // namespace qemunit::generator
