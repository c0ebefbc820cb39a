// SPDX-License-Identifier: MIT
//
// `qemunitctl reload`, which is ExecReload= of qemu@.service: makes those changes of the ini file
// that a running VM can take, and tells which changes have to wait.
#pragma once

#include <systemd/sd-bus.h>

#include "common/result.h"
#include "ctl/verbs/reload_plan.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_reload(const Invocation &invocation);

// What it would do, for a VM that runs.
Result<ReloadPlan> reload_plan_of(sd_bus *bus, const Invocation &invocation);

}  // namespace qemunit::ctl
