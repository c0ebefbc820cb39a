// SPDX-License-Identifier: MIT
//
// A VM -> QEMU's command line. Pure: what it returns is what QEMU's argv will hold,
// but for the sockets, which qemunit-helper adds when it knows their numbers.
#pragma once

#include <string>
#include <vector>

#include "generator/vm.h"

namespace qemunit {

// The program's path first. Chardevs are named as their sockets ("serial"); the helper
// defines them.
std::vector<std::string> qemu_arguments(const Vm &vm, Architecture host);

// The path as QEMU shall open it: a relative one is relative to the VM's state directory.
std::string absolute_path(const Vm &vm, const FilePath &path);

// What a drive and a port are once the defaults are applied: disks virtio, CD-ROMs what
// any guest can read; the machine's UARTs go to the first ports, the others are virtio.
DriveInterface effective_interface(const Vm &vm, const Drive &drive, Architecture host);
SerialType effective_type(const Vm &vm, const Serial &serial, Architecture host);

}  // namespace qemunit
