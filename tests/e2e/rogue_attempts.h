// SPDX-License-Identifier: MIT
//
// What a taken-over QEMU tries against the host, other VMs and its own unit. rogue_qemu.cpp runs
// it; rogue_attempts_test.cpp knows which refusal each attempt must get.
#pragma once

#include <map>
#include <string>

namespace qemunit::e2e {

// Whom and what it tries: "qemu" and "companion" (PIDs of another VM), "vm" (its name), "tap" (its
// interface), "port" (of the host's 127.0.0.1), "abstract" (the name of a socket of the host),
// "libexec" (the folder of our programs), "program" (its own).
using Targets = std::map<std::string, std::string>;

// None harms a VM if it works. One line for each, "exec-shell EACCES", "exec-shell works" or
// "exec-shell SIGSYS", into `file`, which is there when all is done.
void attempt_all(const Targets &targets, const std::string &file);

// Every way to end what is not its own, and then itself.
void kill_all(const Targets &targets);

}  // namespace qemunit::e2e
