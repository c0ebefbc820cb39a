// SPDX-License-Identifier: MIT
//
// The parts of check_vm(), one for each kind of section.
#pragma once

#include "generator/check/findings.h"
#include "generator/vm/machine.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// Processors, memory, screen, sound: [VM], [CPU], [Memory], [Screen], [Sound …].
void check_hardware(const Vm &vm, Architecture host, Findings &findings);

// [Drive …]: images, and which buses of the machine have room for them.
void check_drives(const Vm &vm, Architecture host, Findings &findings);

// [Network …]
void check_networks(const Vm &vm, Findings &findings);

// [HostDevice …]
void check_host_devices(const Vm &vm, Architecture host, Findings &findings);

// [Serial …] and [Channel …]: their places in the machine and their sockets on the host.
void check_ports(const Vm &vm, Architecture host, Findings &findings);

// [Share …] and [Credential …]
void check_shares(const Vm &vm, Findings &findings);
void check_credentials(const Vm &vm, Findings &findings);

// [CloudInit]
void check_cloud_init(const Vm &vm, Findings &findings);

// Checks a socket that the section brings about: its path must fit into sun_path (unix(7)).
void check_socket_path(const std::string &section, const std::string &path, Findings &findings);

}  // namespace qemunit::generator
