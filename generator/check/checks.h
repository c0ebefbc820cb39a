// SPDX-License-Identifier: MIT
//
// What no single line shows: keys that do not go together, names used twice. Checks only
// what the text says; whether a file exists is for the running system to tell.
#pragma once

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

void check_vm(const Vm &vm, Architecture host, Diagnostics &diagnostics);

}  // namespace qemunit::generator
