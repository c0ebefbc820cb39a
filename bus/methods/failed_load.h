// SPDX-License-Identifier: MIT
//
// What becomes of a VM that could not load a snapshot. QEMU leaves the guest stopped: either
// nothing was touched, or the disks are those of the snapshot already, and the machine is
// half-loaded and must not run. For the methods that can make QEMU load a snapshot.
#pragma once

#include <string_view>

#include "bus/methods/vm_call.h"

namespace qemunit::bus {

// Whether QEMU had not touched anything when the load failed, by QEMU's words: load_snapshot() in
// migration/savevm.c, and what that calls in block/snapshot.c, of QEMU 7.2 to 10.0. False for words
// that are not known.
bool has_touched_nothing(std::string_view why);

// Answers the call with QEMU's reason, after the VM runs on as if nothing had happened, or is
// paused at a reset, from where Resume boots the guest. `why`: QEMU's reason for a load that was
// begun.
void answer_failed_load(const CallPtr &call, const std::string &why);

}  // namespace qemunit::bus
