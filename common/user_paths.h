// SPDX-License-Identifier: MIT
//
// Where the VMs of a user are, by the environment that the user's manager gives its children
// (file-hierarchy(7), "Home directory"). For the generator and qemunitd.
#pragma once

#include "common/paths.h"

namespace qemunit {

// The paths of the user who runs this process. The folder where the user's manager keeps state is
// that of its specifier %S: $XDG_CONFIG_HOME up to systemd 253, $XDG_STATE_HOME since.
Paths user_paths();

}  // namespace qemunit
