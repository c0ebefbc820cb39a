// SPDX-License-Identifier: MIT
//
// A VM -> QEMU's argv, without the chardevs that qemunit-helper adds for what systemd owns
// (monitors, serial ports, channels).
#pragma once

#include <string>
#include <vector>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// The first word is the program. Each word is exactly what QEMU's main() gets.
std::vector<std::string> qemu_arguments(const Vm &vm, Architecture host);

}  // namespace qemunit::generator
