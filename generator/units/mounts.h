// SPDX-License-Identifier: MIT
//
// The mount points below which a VM's files are -> RequiresMountsFor=, so that nothing of the VM
// starts before they are mounted, or where they cannot be. For render.h and supporting_units.h.
// Never looks at the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Whether the unit has StateDirectory= for that of the VM: then systemd waits for that anyway.
enum class HasStateDirectory { yes, no };

// A line for [Unit]; "" if there is nothing to wait for, as for what the kernel mounts itself. A
// path may come twice.
std::string required_mounts(const Vm &vm, const std::vector<std::string> &paths,
                            HasStateDirectory has_state = HasStateDirectory::yes);

// Of every path that the VM's ini files name.
std::vector<std::string> named_paths(const Vm &vm);
// Of what qemu-image@.service makes, and makes it from.
std::vector<std::string> image_paths(const Vm &vm);

}  // namespace qemunit::generator
