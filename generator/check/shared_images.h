// SPDX-License-Identifier: MIT
//
// Images that two VMs have, of which one runs: QEMU then says that it got no lock, of a file that
// has only a number for a name. For qemu-failure@.service. Opens nothing.
#pragma once

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// `other` runs. Two that only read do not disturb each other.
void check_shared_images(const Vm &vm, const Vm &other, Diagnostics &diagnostics);

}  // namespace qemunit::generator
