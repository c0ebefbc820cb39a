// SPDX-License-Identifier: MIT
//
// What only PID 1 can do for a VM, and so is an error in the VM of a user: other users,
// interfaces of the host, files of the guest's users.
#pragma once

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

void check_user_scope(const Vm &vm, Diagnostics &diagnostics);

}  // namespace qemunit::generator
