// SPDX-License-Identifier: MIT
//
// `qemunitctl monitor`, `cmd` and `qmp`: QEMU's monitors over D-Bus, which asks polkit whether the
// user may, and leaves QEMU's monitor socket to others.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_monitor(const Invocation &invocation);
Result<int> run_cmd(const Invocation &invocation);
Result<int> run_qmp(const Invocation &invocation);

}  // namespace qemunit::ctl
