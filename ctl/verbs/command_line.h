// SPDX-License-Identifier: MIT
//
// `qemunitctl cat`: QEMU's command line as text for a shell, from what systemd will execute.
#pragma once

#include <systemd/sd-bus.h>

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// The words of each ExecStart= of a unit, as systemd has read it last; those of the first one.
Result<std::vector<std::vector<std::string>>> commands_of(sd_bus *bus, const std::string &unit);
Result<std::vector<std::string>> exec_start_of(sd_bus *bus, const std::string &unit);

Result<int> run_cat(const Invocation &invocation);

// The words of ExecStart= -> words that run by hand: without our helper, and with chardevs in place
// of the sockets that the helper passes on. Empty if the words are no command line of the helper.
std::vector<std::string> command_by_hand(const std::vector<std::string> &exec_start);

// One word, quoted if a POSIX shell would take any of its characters for more than text.
std::string quote_for_shell(const std::string &word);

// One option with its value a line, continued by backslashes.
std::string shell_text(const std::vector<std::string> &command);

}  // namespace qemunit::ctl
