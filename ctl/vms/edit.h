// SPDX-License-Identifier: MIT
//
// `qemunitctl edit`: the ini file of a VM in an editor, as a copy that the generator checks before
// it counts. Loses nothing that was written, and overwrites nothing that was not read before.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_edit(const Invocation &invocation);

}  // namespace qemunit::ctl
