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
    person,        // who may mean the VM for later
    failed_start,  // only what may be why
};

// Warnings.
void check_host(const Vm &vm, Architecture host, Diagnostics &diagnostics,
                CheckFor purpose = CheckFor::person);

}  // namespace qemunit::generator
