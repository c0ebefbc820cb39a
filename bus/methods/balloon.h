// SPDX-License-Identifier: MIT
//
// The balloon, by which a guest gives memory back.
#pragma once

#include <cstdint>

#include "bus/methods/vm_call.h"

namespace qemunit::bus {

// Answers the call. `memory` is what the VM has, in bytes.
void set_balloon(const CallPtr &call, uint64_t bytes, uint64_t memory);

}  // namespace qemunit::bus
