// SPDX-License-Identifier: MIT
//
// `qemunitctl rename`: another name for a VM that is off. May be killed at any point: the same
// command does the rest. Never changes an image.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_rename(const Invocation &invocation);

}  // namespace qemunit::ctl
