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

// Whether the unit has the VM's folder as StateDirectory=: systemd waits for its mount then anyway.
enum class HasStateDirectory { yes, no };

// A line for [Unit]; "" if no mount is to be waited for: the kernel's own file systems are always
// there. A path may come twice.
std::string required_mounts(const Vm &vm, const std::vector<std::string> &paths,
                            HasStateDirectory has_state = HasStateDirectory::yes);

// All paths that the VM's ini files name.
std::vector<std::string> named_paths(const Vm &vm);
// The images that qemu-image@.service makes, and the files that it makes them from.
std::vector<std::string> image_paths(const Vm &vm);

}  // namespace qemunit::generator
