// SPDX-License-Identifier: MIT
//
// What Tab does in `qemunitctl monitor`: the names of QEMU's commands out of its own help,
// and which of them fit to what is typed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

// From the output of "help": "cont|c  -- resume emulation" has two names. With `group`
// ("info"), from that of "help info": the second words. Sorted.
std::vector<std::string> command_names(std::string_view help, std::string_view group = {});

struct Completion {
    std::string insert;                // what can be added to `prefix` in any case
    std::vector<std::string> choices;  // several that it may become, if nothing can
};
Completion complete(std::string_view prefix, const std::vector<std::string> &names);

}  // namespace qemunit::ctl
