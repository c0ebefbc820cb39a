// SPDX-License-Identifier: MIT
//
// The process beside QEMU in a VM's service: tells systemd when the VM is up and what it
// is doing, and relays its serial ports. Stays until QEMU is gone and the last line is in
// the journal. May be killed at any time: the VM runs on.
#pragma once

#include <csignal>
#include <string>

#include "helper/wiring.h"

namespace qemunit {

// What asks the companion to stop the VM, and means nothing to QEMU. To be blocked when
// run_companion() is called, so that none is lost.
inline constexpr int kStopSignal = SIGWINCH;

// Runs to the end of the VM; returns the exit code of the process.
int run_companion(const std::string &vm, CompanionSide side);

}  // namespace qemunit
