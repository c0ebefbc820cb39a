// SPDX-License-Identifier: MIT
//
// The user of a VM, in the units that run as that user.
#pragma once

#include <string>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Whether the template names the VM's user already, as "qemu-%i".
enum class UserOfTemplate { no, yes };

// Lines of [Service].
std::string user_settings(const Vm &vm, UserOfTemplate has_user);

// The same, where the unit has the VM's state directory.
std::string state_settings(const Vm &vm);

}  // namespace qemunit::generator
