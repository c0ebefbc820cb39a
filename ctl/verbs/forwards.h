// SPDX-License-Identifier: MIT
//
// `qemunitctl forward`: ports of the host that lead to the guest, of QEMU's user networks.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_forward_list(const Invocation &invocation);
Result<int> run_forward_add(const Invocation &invocation);
Result<int> run_forward_remove(const Invocation &invocation);

}  // namespace qemunit::ctl
