// SPDX-License-Identifier: MIT
//
// The parts of find_contradictions(), one for each kind of section.
#pragma once

#include "generator/check/findings.h"
#include "generator/vm/machine.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// [Drive …]: images, and which buses of the machine have room for them.
void check_drives(const Vm &vm, Architecture host, Complaints &complaints);

// [Network …]
void check_networks(const Vm &vm, Complaints &complaints);

// [Serial …] and [Channel …]: their places in the machine and their sockets on the host.
void check_ports(const Vm &vm, Architecture host, Complaints &complaints);

// [Share …] and [Credential …]
void check_shares(const Vm &vm, Complaints &complaints);
void check_credentials(const Vm &vm, Complaints &complaints);

// Of any socket that the section brings about: a path has no room for more than sun_path.
void check_socket_path(const std::string &section, const std::string &path, Complaints &complaints);

}  // namespace qemunit::generator
