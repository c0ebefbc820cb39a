// SPDX-License-Identifier: MIT
//
// What the QEMU says of itself that is installed on this host, for `upgrade` and `migrate`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct QemuProgram {
    std::string version;                // "7.2.22"
    std::vector<std::string> machines;  // that it knows
};

// Runs the program, which QEMU= may name, without the rights of root.
Result<QemuProgram> installed_qemu(const std::string &path);

// The words of `QEMU -machine help` that name machines (as in generator/check/host.cpp); of `QEMU
// --version`, the version.
std::vector<std::string> machines_in(std::string_view help);
std::string version_in(std::string_view text);

}  // namespace qemunit::ctl
