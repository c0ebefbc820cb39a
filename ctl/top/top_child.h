// SPDX-License-Identifier: MIT
//
// A program that has the terminal for a while, in the foreground of `qemunitctl top`: a console,
// the journal, systemctl, which may ask for a password.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// Waits for its end, and returns its exit status; 128 and the number of the signal that ended it.
Result<int> run_in_foreground(const std::vector<std::string> &command);

// "qemunitctl console vm1", "journalctl …", "systemctl stop …", of the manager that `bus` names.
std::vector<std::string> console_command(Invocation::Bus bus, const std::string &vm);
std::vector<std::string> journal_command(Invocation::Bus bus, const std::string &vm);
std::vector<std::string> stop_command(Invocation::Bus bus, const std::string &vm);

}  // namespace qemunit::ctl
