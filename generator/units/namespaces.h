// SPDX-License-Identifier: MIT
//
// What of the system the services of a manager see.
#pragma once

#include "generator/units/sandbox.h"

namespace qemunit::generator {

// Whether services of the user's manager that has started this process can have file systems and
// networks of their own. Tries to make them, since no single setting tells: kernels, sysctls,
// AppArmor and seccomp filters all have a say.
Namespaces namespaces_of_user();

}  // namespace qemunit::generator
