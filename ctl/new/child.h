// SPDX-License-Identifier: MIT
//
// A program that qemunitctl runs and reads: its standard output line by line, its standard error at
// the end. For `new` and `images`. One that says nothing for a long time is ended.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct EndedChild {
    int status = -1;     // of its exit; -1 if a signal ended it
    std::string output;  // as much as a screenful of each
    std::string errors;
};

// `input`: a descriptor for its standard input; -1: nothing.
Result<EndedChild> run_child(std::vector<std::string> command,
                             const std::function<void(std::string_view line)> &on_line = {},
                             int input = -1);

}  // namespace qemunit::ctl
