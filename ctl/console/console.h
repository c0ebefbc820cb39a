// SPDX-License-Identifier: MIT
//
// `qemunitctl console`: which port that is, who else is on it, and why it cannot be had.
// console_session.h is what then goes on.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_console(const Invocation &invocation);

// "/run/qemunit/vm1/serial.sock", or the user's own.
std::string console_path(const Invocation &invocation, const std::string &port);

// Why the port's socket cannot be connected to, which failed with `code`. `path`: of it.
std::string refusal_text(int code, const std::string &vm, const std::string &port,
                         const std::string &path);

}  // namespace qemunit::ctl
