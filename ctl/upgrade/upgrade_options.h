// SPDX-License-Identifier: MIT
//
// The options of `upgrade`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kUpgradeOptions[] = {
    {.name = "--all", .help = "All VMs whose QEMU was replaced since they began"},
    {.name = "--through-disk", .help = "Save the guest, and go on with it in the new QEMU"},
};

}  // namespace qemunit::ctl
