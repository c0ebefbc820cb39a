// SPDX-License-Identifier: MIT
//
// Where the state directories of the VMs are that are meant. What a user's systemd has for %S, its
// version tells.
#pragma once

#include "common/paths.h"
#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// paths_of(), with the folder of the state itself: `state` of that is systemd's specifier for VMs
// of a user, which is the path of no file.
Result<Paths> paths_with_state(const Invocation &invocation);

}  // namespace qemunit::ctl
