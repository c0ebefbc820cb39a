// SPDX-License-Identifier: MIT
//
// Each kind of device -> its words of QEMU's command line.
#pragma once

#include "generator/qemu/command_line.h"

namespace qemunit::generator {

// -machine, -cpu, -m and what else comes with them.
void add_machine(CommandLine &line);
void add_drive(CommandLine &line, const Drive &drive);
void add_network(CommandLine &line, const Network &network);
void add_host_device(CommandLine &line, const HostDevice &device);
void add_serial(CommandLine &line, const Serial &serial);
void add_channel(CommandLine &line, const Channel &channel);
void add_guest_agent(CommandLine &line);
void add_share(CommandLine &line, const Share &share);
// The seed of [CloudInit], and what of it guests with systemd read by themselves.
void add_cloud_init(CommandLine &line);
void add_credential(CommandLine &line, const Credential &credential);
void add_tpm(CommandLine &line);
void add_display(CommandLine &line);
void add_sound(CommandLine &line, const Sound &sound);

}  // namespace qemunit::generator
