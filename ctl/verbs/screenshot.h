// SPDX-License-Identifier: MIT
//
// `qemunitctl screenshot`: the PNG that qemunitd hands over as a file descriptor, into a file.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_screenshot(const Invocation &invocation);

}  // namespace qemunit::ctl
