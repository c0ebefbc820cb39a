// SPDX-License-Identifier: MIT
//
// What of the system the services of a manager see.
#pragma once

#include "generator/units/sandbox.h"

namespace qemunit::generator {

// Whether services of a user's manager can have file systems and networks of their own. Of this
// process, which the manager has started. Tries it, since no single setting tells:
// kernels, sysctls, AppArmor and seccomp filters all have a say.
Namespaces namespaces_of_user();

// Leaves the file systems that qemu@.service has for QEMU, in which there are no ini files, for
// those of the system's manager. Returns whether this process has them now.
bool join_mounts_of_manager();

}  // namespace qemunit::generator
