// SPDX-License-Identifier: MIT
//
// `qemunitctl monitor`, `cmd` and `qmp`: QEMU's monitors, had over D-Bus, which takes no socket's
// place, and asks who may do that.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_monitor(const Invocation &invocation);
Result<int> run_cmd(const Invocation &invocation);
Result<int> run_qmp(const Invocation &invocation);

}  // namespace qemunit::ctl
