// SPDX-License-Identifier: MIT
//
// The options of `console` and `expect`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kConsoleOptions[] = {
    {.name = "--read-only", .help = "Follow the log, type nothing"},
    {.name = "--wait", .help = "Wait for the VM, and for its return when it ends"},
};

inline constexpr OptionText kExpectOptions[] = {
    {.name = "--timeout",
     .value = "TIME",
     .wanted = "a time",
     .help = "How long to wait for the line, 60s"},
    {.name = "--send",
     .value = "TEXT",
     .wanted = "a text",
     .help = "Type this first; only what comes after it counts"},
    {.name = "--fail",
     .value = "REGEX",
     .wanted = "a regular expression",
     .help = "Fail at once when a line matches this"},
    {.name = "--new", .help = "What is on the console already does not count"},
    {.name = "--port",
     .value = "PORT",
     .wanted = "the name of a serial port",
     .help = "Not serial, but this port"},
    {.name = "--wait", .help = "Wait until the VM runs"},
};

}  // namespace qemunit::ctl
