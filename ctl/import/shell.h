// SPDX-License-Identifier: MIT
//
// A shell script read for the words of the commands in it that start QEMU. For `qemunitctl import`.
// Runs nothing, and guesses nothing: what only a shell can know is an error with its line. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct ShellCommand {
    unsigned line = 0;  // where it begins
    std::vector<std::string> words;
    std::string fault;  // why its words are not known: "line 3: $MEM …"
};

// All of them.
std::vector<ShellCommand> shell_commands(std::string_view script, std::string_view home);

// Those that have the name of a QEMU among their words. `home` is what "~/" stands for.
std::vector<ShellCommand> qemu_commands(std::string_view script, std::string_view home);

// The one of them that is meant: the only one, or the one at `line`.
Result<std::vector<std::string>> choose_command(const std::vector<ShellCommand> &commands,
                                                unsigned line);

}  // namespace qemunit::ctl
