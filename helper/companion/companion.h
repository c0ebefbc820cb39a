// SPDX-License-Identifier: MIT
//
// The process beside QEMU in a VM's service: tells systemd when the VM is up and what it
// is doing, and relays its serial ports. Stays until QEMU is gone and the last line is in
// the journal. May be killed at any time: the VM runs on, and another one takes over.
#pragma once

#include <string>

#include "helper/companion/companion_setup.h"
#include "helper/handover/supervision.h"

namespace qemunit::helper {

// Runs to the end of the VM; returns the exit code of the process. `handover`: what the companion
// before this one has left, if there was one, and what this one leaves to the next.
int run_companion(const std::string &vm, CompanionSetup setup, Handover &handover);

}  // namespace qemunit::helper
