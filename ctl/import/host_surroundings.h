// SPDX-License-Identifier: MIT
//
// The Surroundings of `qemunitctl import` on this machine: reads the headers of images, and the
// command line of a process. Opens no image for writing, and runs nothing.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/import/surroundings.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Surroundings host_surroundings(const Invocation &invocation);

struct RunningCommand {
    std::vector<std::string> words;
    std::string folder;  // its working directory
};
Result<RunningCommand> command_of_process(const std::string &pid);

// The text of a file, or of standard input for "-".
Result<std::string> read_input(const std::string &path);

}  // namespace qemunit::ctl
