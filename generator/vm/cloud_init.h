// SPDX-License-Identifier: MIT
//
// What follows from [CloudInit]: for the command line of QEMU, the units, and qemunit-seed, which
// must agree on it. Pure.
#pragma once

#include <string>
#include <vector>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Of Hostname=, or the VM's name where a host can have it; "" if a MetaData= says it.
std::string guest_hostname(const Vm &vm);

// For systemd in the guest. Without those that the ini has sections for, and those that nothing
// can hand over to this machine.
std::vector<std::string> cloud_init_credentials(const Vm &vm, Architecture host);

// The files that it names.
std::vector<std::string> cloud_init_paths(const Vm &vm);

// The command of qemu-credential@.service, as words.
std::vector<std::string> seed_command(const Vm &vm);

}  // namespace qemunit::generator
