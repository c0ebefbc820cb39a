// SPDX-License-Identifier: MIT
//
// A start of a VM that has a saved state: a QEMU tries to go on with it, and what becomes of the
// state depends on how far that QEMU has come. For qemunit-helper. Sets a state aside only where
// QEMU itself has said that it is no good, and runs no second QEMU beside one that lives.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/unique_fd.h"
#include "helper/handover/options.h"
#include "helper/handover/saved_state.h"

namespace qemunit::helper {

// Becomes the QEMU that loads the state, whose companion tells its steps (Resumption) to `resumed`.
// Returns only after a failure, with the exit code.
using BecomeQemu = std::function<int(const HelperOptions &options, UniqueFd resumed)>;

// `companion`: its program. Returns the exit code if there is nothing more to do; nothing if the VM
// is to boot.
std::optional<int> try_to_resume(const HelperOptions &options, const std::string &companion,
                                 const BecomeQemu &become_qemu);

// Sets the state aside, so that the guest may boot: its disks will not fit that state any more.
// Returns the exit code if the state cannot be set aside.
std::optional<int> set_aside(const SavedState &saved, int priority, std::string_view why);

}  // namespace qemunit::helper
