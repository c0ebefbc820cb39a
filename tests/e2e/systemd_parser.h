// SPDX-License-Identifier: MIT
//
// What systemd itself reads out of unit files, without booting: `systemd --test` prints
// every unit as it parsed it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace qemunit::e2e {

struct ParsedUnit {
    std::string description;
    // Of the last ExecStart=. As it will be executed: specifiers and "$$" are resolved.
    std::vector<std::string> command;
    std::string refused_dollar;  // a "$" that would be expanded from the environment
};

struct ParsedUnits {
    std::map<std::string, ParsedUnit> units;
    std::string complaints;  // what systemd did not like in these files
};

// All units of folder `dir`, which holds "all.target" that pulls them in.
ParsedUnits parse_with_systemd(const std::string &dir);

// "a \"b\\n\" \"\\001\"", as systemd prints a command, back into words.
std::vector<std::string> split_printed_command(const std::string &text);

}  // namespace qemunit::e2e
