// SPDX-License-Identifier: MIT
//
// `qemunitctl check`: runs the generator, which is in nobody's PATH, with --check for a VM by its
// name.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_check(const Invocation &invocation);

}  // namespace qemunit::ctl
