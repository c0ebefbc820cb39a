// SPDX-License-Identifier: MIT
#include "ctl/vm/invocation.h"

#include "common/user_paths.h"

namespace qemunit::ctl {

Paths paths_of(const Invocation &invocation) {
    return invocation.bus == Invocation::Bus::user ? user_paths() : Paths{};
}

}  // namespace qemunit::ctl
