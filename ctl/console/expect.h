// SPDX-License-Identifier: MIT
//
// `qemunitctl expect`: what was asked for, checked, and how it ends. expect_session.h does the
// rest.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_expect(const Invocation &invocation);

}  // namespace qemunit::ctl
