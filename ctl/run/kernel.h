// SPDX-License-Identifier: MIT
//
// The kernel that a guest of `run` boots: the one that was named, that was built in this folder, or
// this machine's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::ctl {

struct Kernel {
    std::string path;
    std::string version;  // "6.1.0-57-amd64"; "" if the file does not tell
};

// What the head of a bzImage says (Documentation/arch/x86/boot.rst, kernel_version). Pure.
std::optional<std::string> version_of_bzimage(std::string_view begin);

// `named`: "" if it is to be found; then one that was built here has to be the caller's or root's,
// with the folders that it is in. `of_host`: this machine's, and no other.
// `architecture`: "" is this machine's; of another one, only a kernel that was built here.
Result<Kernel> find_kernel(const std::string &named, bool of_host,
                           const std::string &architecture = {});

}  // namespace qemunit::ctl
