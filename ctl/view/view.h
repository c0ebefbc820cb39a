// SPDX-License-Identifier: MIT
//
// `qemunitctl view`: a VM's screen in a window, by a viewer that is installed here.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_view(const Invocation &invocation);

}  // namespace qemunit::ctl
