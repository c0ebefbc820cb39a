// SPDX-License-Identifier: MIT
//
// `qemunitctl list`: a line for each VM, for people; --json and --names, for programs.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"
#include "ctl/vm/vm_status.h"

namespace qemunit::ctl {

// `paths`: of the manager whose VMs these are, to say where their ini files go if there are none.
std::string list_text(const std::vector<VmStatus> &vms, const Paths &paths = {});
// `old_qemu`: the names of those whose QEMU was replaced since.
std::string list_json(const std::vector<VmStatus> &vms,
                      const std::vector<std::string> &old_qemu = {});
std::string old_qemu_text(const std::vector<std::string> &old_qemu);

Result<int> run_list(const Invocation &invocation);

}  // namespace qemunit::ctl
