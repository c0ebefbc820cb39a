// SPDX-License-Identifier: MIT
//
// `qemunitctl backup`: a VM's disks, as they are at one moment, and all else that it needs, into a
// folder of the administrator's. The guest goes on, and never waits for that folder.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_backup(const Invocation &invocation);

}  // namespace qemunit::ctl
