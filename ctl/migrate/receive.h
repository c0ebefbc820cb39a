// SPDX-License-Identifier: MIT
//
// `qemunitctl receive VM`: what `qemunitctl migrate` on another host runs here, by ssh. Looks
// whether the VM could run here, starts its unit so that QEMU waits for the guest, and then only
// passes bytes on. Believes nothing of what comes; leaves nothing behind if the guest does not
// come.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_receive(const Invocation &invocation);

}  // namespace qemunit::ctl
