// SPDX-License-Identifier: MIT
//
// What only a running system can tell: whether the files that a VM names are there, and
// what runs beside QEMU is installed. For --check; never when systemd runs the generator,
// which is before the file systems are mounted.
#pragma once

#include "generator/diagnostic.h"
#include "generator/vm.h"

namespace qemunit {

// Warnings; the VM may be meant for later.
void check_host(const Vm &vm, Architecture host, Diagnostics &diagnostics);

}  // namespace qemunit
