// SPDX-License-Identifier: MIT
//
// `qemunitctl run`: a command in a VM of its own, which is made for it, and gone with it. Joins the
// other files of this folder.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_run(const Invocation &invocation);

}  // namespace qemunit::ctl
