// SPDX-License-Identifier: MIT
//
// Where the VMs of a user are, by the environment that the user's manager gives its children
// (file-hierarchy(7), "Home directory"). For the generator and qemunitd.
#pragma once

#include "common/paths.h"

namespace qemunit {

// Of the user who runs this process. Where that manager keeps state, $XDG_CONFIG_HOME up to
// systemd 253 and $XDG_STATE_HOME since, is left to its specifier %S.
Paths user_paths();

}  // namespace qemunit
