// SPDX-License-Identifier: MIT
//
// `qemunitctl status`: all that qemunitd and systemd know of a VM, beyond what
// `systemctl status` shows of its unit.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_status(const Invocation &invocation);

}  // namespace qemunit::ctl
