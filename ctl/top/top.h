// SPDX-License-Identifier: MIT
//
// `qemunitctl top`: what all VMs use, in a terminal, until somebody leaves; or once. Asks nothing
// while nobody can see it, and changes nothing but by a key that says so.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_top(const Invocation &invocation);

}  // namespace qemunit::ctl
