// SPDX-License-Identifier: MIT
//
// What the ini changes about the socket units of a VM: who may connect, and further sockets. Lines
// for [Socket], "" where the template needs no change.
#pragma once

#include <string>

#include "generator/vm/vm.h"

namespace qemunit::generator {

std::string monitor_socket_settings(const Vm &vm);
// Of the serial ports, channels and the guest agent, which are in one unit.
std::string serial_socket_settings(const Vm &vm);

}  // namespace qemunit::generator
