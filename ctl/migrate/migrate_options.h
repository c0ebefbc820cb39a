// SPDX-License-Identifier: MIT
//
// The options of `migrate` and `receive`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kMigrateOptions[] = {
    {.name = "--to",
     .value = "NAME",
     .wanted = "the name of a VM",
     .help = "The VM's name there, if it is another one"},
    {.name = "--bandwidth",
     .value = "SIZE",
     .wanted = "bytes a second",
     .help = "Send no more than this a second: 100M"},
    {.name = "--downtime",
     .value = "TIME",
     .wanted = "milliseconds",
     .help = "How long the guest may stand still, 300ms"},
    {.name = "--shared-storage",
     .help = "The disks are the same ones there, though nothing shows it"},
    {.name = "--copy-storage", .help = "Copy the disks into blank images there"},
};

inline constexpr OptionText kReceiveOptions[] = {
    {.name = "--ask",
     .value = "TOKEN",
     .wanted = "a token of `migrate`",
     .help = "Only say whether the guest of that move has run here"},
    {.name = "--disk", .help = "Be the way of one disk, beside another receive"},
};

}  // namespace qemunit::ctl
