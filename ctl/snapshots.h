// SPDX-License-Identifier: MIT
//
// `qemunitctl snapshot`: the machine's state and its disks, kept in the disks' images.
#pragma once

#include "common/result.h"
#include "ctl/invocation.h"

namespace qemunit {

Result<int> run_snapshot_list(const Invocation &invocation);
Result<int> run_snapshot_save(const Invocation &invocation);
Result<int> run_snapshot_load(const Invocation &invocation);
Result<int> run_snapshot_delete(const Invocation &invocation);

}  // namespace qemunit
