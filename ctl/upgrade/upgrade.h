// SPDX-License-Identifier: MIT
//
// `qemunitctl hibernate`: saves a guest, whose VM is off then. `qemunitctl upgrade`: has a guest go
// on in the QEMU that is installed by now. Each guest that cannot be saved goes on as it is.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_hibernate(const Invocation &invocation);
Result<int> run_upgrade(const Invocation &invocation);

}  // namespace qemunit::ctl
