// SPDX-License-Identifier: MIT
//
// `qemunitctl console`: finds the port, who else is connected to it, and why a connection fails.
// console_session.h does the rest.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_console(const Invocation &invocation);

// "/run/qemunit/vm1/serial.sock", or the user's own.
std::string console_path(const Invocation &invocation, const std::string &port);

// Why a connection to the port's socket has failed with `code`. `path`: of the socket.
std::string refusal_text(int code, const std::string &vm, const std::string &port,
                         const std::string &path);

// Whether `port` may be the name of a serial port.
Result<> check_serial_port(const std::string &vm, const std::string &port);

// What a failed connection means, by the VM's `state`, if the bus says that.
Error connection_error(const Error &error, const Result<std::string> &state, const std::string &vm,
                       const std::string &port);

}  // namespace qemunit::ctl
