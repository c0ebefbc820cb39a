// SPDX-License-Identifier: MIT
//
// Which of a VM's sockets are its serial ports, as OpenSerial names them. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace qemunit::bus {

// `sockets`: Vm::sockets(); `peripherals`: QMP's qom-list of /machine/peripheral, which tells
// the channels. The first port first, then by name.
std::vector<std::string> serial_ports(const std::map<std::string, std::string> &sockets,
                                      const nlohmann::json &peripherals);

}  // namespace qemunit::bus
