// SPDX-License-Identifier: MIT
//
// The words that somebody starts QEMU with, as options of QEMU: what stands in front of the program
// is told from it, and each option has its value. For `qemunitctl import`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct QemuCommand {
    struct Given {
        std::string option;  // "drive", without the dash; "" for the image without an option
        std::string value;
        bool is_known = true;  // to the table of options
    };
    std::string program;       // as it was written
    std::string architecture;  // as in its name; "" for `kvm`, which is the host's
    bool is_kvm = false;       // by its name
    std::vector<std::pair<std::string, std::string>> service;  // what taskset and nice say
    std::vector<std::string> lost;
    std::vector<Given> options;
};

// Whether the word is the name, or the path, of a QEMU.
bool is_qemu_program(std::string_view word);

Result<QemuCommand> parse_command(const std::vector<std::string> &words);

}  // namespace qemunit::ctl
