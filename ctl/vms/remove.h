// SPDX-License-Identifier: MIT
//
// `qemunitctl remove`: a VM that is off, with all that is its own. Deletes nothing that was not
// listed before, and nothing that another VM needs.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_remove(const Invocation &invocation);

}  // namespace qemunit::ctl
