// SPDX-License-Identifier: MIT
//
// `qemunitctl clone`: another VM like one that is off, with disks of its own. Changes nothing of
// the VM that is cloned, and nothing that is there.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_clone(const Invocation &invocation);

}  // namespace qemunit::ctl
