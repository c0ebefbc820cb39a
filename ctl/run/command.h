// SPDX-License-Identifier: MIT
//
// What the generator makes of the ini file of a `run`: the name of the unit, and its command.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct RunCommand {
    std::string unit;
    std::vector<std::string> words;
};

// If the generator refuses the ini, the error has its words.
Result<RunCommand> ask_generator(const std::string &id, const std::string &ini, bool of_user);

}  // namespace qemunit::ctl
