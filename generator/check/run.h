// SPDX-License-Identifier: MIT
//
// What a VM of `qemunitctl run` cannot have: whatever needs a unit, a folder or a file of its own
// on the host, as nothing of such a VM may be left. Pure.
#pragma once

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

void check_run(const Vm &vm, Diagnostics &diagnostics);

}  // namespace qemunit::generator
