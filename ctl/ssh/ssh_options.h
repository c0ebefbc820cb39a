// SPDX-License-Identifier: MIT
//
// The options of `ssh` and `proxy`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kTimeoutOption{.name = "--timeout",
                                           .value = "TIME",
                                           .wanted = "a time",
                                           .help = "How long to wait for the guest's server, 60s"};

inline constexpr OptionText kSshPortOption{
    .name = "--port", .value = "PORT", .wanted = "a port", .help = "The server's port, 22"};

// Letters and values of ssh(1).
inline constexpr OptionText kSshOptions[] = {
    {.letter = 'l',
     .name = "--login",
     .value = "USER",
     .wanted = "a user",
     .help = "The guest's user; by default that of [CloudInit]"},
    {.letter = 'i',
     .name = "--identity",
     .value = "FILE",
     .wanted = "a file",
     .help = "With this private key"},
    {.letter = 'A', .name = "--forward-agent", .help = "Let the guest use your SSH agent"},
    {.letter = 'L',
     .name = "--local-forward",
     .value = "RULE",
     .wanted = "a rule",
     .help = "A port here that leads into the guest"},
    {.letter = 'R',
     .name = "--remote-forward",
     .value = "RULE",
     .wanted = "a rule",
     .help = "A port of the guest that leads here"},
    {.letter = 'D',
     .name = "--dynamic-forward",
     .value = "PORT",
     .wanted = "a port",
     .help = "A SOCKS port here"},
    {.letter = 'N', .name = "--no-command", .help = "Only forward ports"},
    {.letter = 't', .name = "--tty", .help = "A terminal for the command"},
    {.letter = 'v', .name = "--verbose", .help = "Let ssh say what it does"},
    {.letter = 'o',
     .name = "--option",
     .value = "OPTION",
     .wanted = "an option",
     .help = "Of ssh_config(5)"},
    kSshPortOption,
    kTimeoutOption,
};

inline constexpr OptionText kSshProxyOptions[] = {
    {.name = "--relay", .help = "Bytes, for an ssh without ProxyUseFdpass"},
    kSshPortOption,
    kTimeoutOption,
};

}  // namespace qemunit::ctl
