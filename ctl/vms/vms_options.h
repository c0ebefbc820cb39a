// SPDX-License-Identifier: MIT
//
// The options of `clone` and `remove`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kCloneOptions[] = {
    {.name = "--snapshot",
     .value = "TAG",
     .wanted = "the name of a snapshot",
     .help = "With the disks as they were then"},
};

inline constexpr OptionText kRemoveOptions[] = {
    {.name = "--with-disks", .help = "Its disks, too, and all of its state"},
    {.name = "--yes", .help = "Do not ask"},
};

}  // namespace qemunit::ctl
