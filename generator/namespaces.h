// SPDX-License-Identifier: MIT
//
// Whether services of a user's manager can have file systems and networks of their own.
#pragma once

#include "generator/sandbox.h"

namespace qemunit {

// Of this process, which the manager has started. Tries it, since no single setting tells:
// kernels, sysctls, AppArmor and seccomp filters all have a say.
Namespaces namespaces_of_user();

}  // namespace qemunit
