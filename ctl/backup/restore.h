// SPDX-License-Identifier: MIT
//
// `qemunitctl restore`: a VM from a backup, by its own name or another one, or one of its disks as
// an image. Every file is held against its sum before it counts, and nothing that is there is
// replaced.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_restore(const Invocation &invocation);

}  // namespace qemunit::ctl
