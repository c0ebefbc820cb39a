// SPDX-License-Identifier: MIT
//
// What QEMU boots, as sealed files in memory: the kernel, and an initrd with our init, its orders
// and the kernel's modules.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/run/modules.h"
#include "ctl/run/request.h"

namespace qemunit::ctl {

// The user's own archive, and ours behind it: files of ours count.
Result<UniqueFd> make_initrd(const RunRequest &request, const std::vector<Module> &modules,
                             const std::string &job);

Result<UniqueFd> copy_kernel(const std::string &path);

}  // namespace qemunit::ctl
