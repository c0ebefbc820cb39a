// SPDX-License-Identifier: MIT
//
// BeginBackup of org.qemunit1.VM, step by step: a socket, scratch images, the guest held, the
// moment, the guest let go, exports. Whatever fails, all of it is taken apart, and the guest goes
// on.
#pragma once

#include <string>

#include "bus/methods/vm_call.h"

namespace qemunit::bus {

// `since`: a checkpoint's name, or "". Answers the call.
void begin_backup(const CallPtr &call, std::string since);

}  // namespace qemunit::bus
