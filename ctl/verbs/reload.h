// SPDX-License-Identifier: MIT
//
// `qemunitctl reload`, which is ExecReload= of qemu@.service: what of the ini file can be changed
// while the VM runs is changed, and what cannot is said.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_reload(const Invocation &invocation);

}  // namespace qemunit::ctl
