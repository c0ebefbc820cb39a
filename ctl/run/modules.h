// SPDX-License-Identifier: MIT
//
// Which modules of a kernel a guest of `run` needs, and in which order: by modules.dep of
// depmod(8). Reads below the kernel's folder alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

// The paths of modules.dep for `names` and what they need, each behind what it needs itself. What
// is not there is taken for built in. Pure.
std::vector<std::string> modules_in_order(std::string_view modules_dep,
                                          const std::vector<std::string> &names);

struct Module {
    std::string path;     // in the guest
    std::string content;  // unpacked
};

// `folder`: /lib/modules/VERSION. None, if there is no such folder.
Result<std::vector<Module>> read_modules(const std::string &folder,
                                         const std::vector<std::string> &names);

}  // namespace qemunit::ctl
