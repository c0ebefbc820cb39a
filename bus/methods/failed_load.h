// SPDX-License-Identifier: MIT
//
// What becomes of a VM that could not load a snapshot. QEMU leaves it stopped: either nothing was
// touched, or its disks are those of the snapshot already and its machine is half-loaded, and must
// not run. For the methods that can make QEMU load one.
#pragma once

#include <string_view>

#include "bus/methods/vm_call.h"

namespace qemunit::bus {

// Whether QEMU found out before it touched anything, by its words: load_snapshot() in
// migration/savevm.c, and what that calls in block/snapshot.c, of QEMU 7.2 to 10.0. Of words that
// are not known nobody says so.
bool has_touched_nothing(std::string_view why);

// Answers the call with QEMU's reason, after the VM runs on as if nothing had happened, or is
// paused at a reset, from where Resume boots it. `why` is that of a load that was begun.
void answer_failed_load(const CallPtr &call, const std::string &why);

}  // namespace qemunit::bus
