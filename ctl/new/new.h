// SPDX-License-Identifier: MIT
//
// `qemunitctl new`: makes a VM from an image: its ini file and, with --full-copy, its disk. Never
// touches a file that is there, and leaves nothing of a VM that could not be made.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_new(const Invocation &invocation);

}  // namespace qemunit::ctl
