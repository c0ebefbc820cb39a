// SPDX-License-Identifier: MIT
//
// `qemunitctl check`: the generator's --check, which is in nobody's PATH, by the name of a VM.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_check(const Invocation &invocation);

}  // namespace qemunit::ctl
