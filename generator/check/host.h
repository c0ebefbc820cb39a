// SPDX-License-Identifier: MIT
//
// What only a running system can tell: whether the files that a VM names are there, and
// what runs beside QEMU is installed. For --check; never when systemd runs the generator,
// which is before the file systems are mounted.
#pragma once

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

enum class CheckFor {
    person,        // somebody who may write the VM for later
    failed_start,  // a start that has failed: only what may be the reason
};

// Adds warnings.
void check_host(const Vm &vm, Architecture host, Diagnostics &diagnostics,
                CheckFor purpose = CheckFor::person);

}  // namespace qemunit::generator
