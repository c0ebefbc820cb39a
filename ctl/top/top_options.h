// SPDX-License-Identifier: MIT
//
// The options of `top`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kTopOptions[] = {
    {.name = "--once", .help = "Print it once, for a pipe"},
    {.name = "--json", .help = "The same, for programs"},
    {.name = "--sort",
     .value = "COLUMN",
     .wanted = "a column",
     .help = "name, cpu, memory, disk, network or uptime"},
    {.name = "--filter",
     .value = "TEXT",
     .wanted = "a text",
     .help = "Only VMs with this in their name or state"},
    {.name = "--interval",
     .value = "SECONDS",
     .wanted = "a number of seconds",
     .help = "How often it is looked at, 3; with --once, over which time, 1"},
};

}  // namespace qemunit::ctl
