// SPDX-License-Identifier: MIT
//
// `qemunitctl import`: the ini file of a VM that another program has, from its command line or its
// configuration. Runs nothing of what it reads, and writes over nothing.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_import(const Invocation &invocation);

}  // namespace qemunit::ctl
