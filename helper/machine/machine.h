// SPDX-License-Identifier: MIT
//
// Registers a running VM with systemd-machined, so that machinectl(1) has it. ExecStart= of
// qemu-machine@.service, which nothing waits for: a VM runs as well without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::helper {

// A process of a unit, as systemd lists them.
struct UnitProcess {
    uint32_t pid = 0;
    std::string command;  // quoted where it needs to be
};

// The process that gets the signals of `machinectl poweroff` and `reboot` from a machined that
// sends signals: the supervisor of the companion, since QEMU would end by them. 0: there is no
// supervisor.
uint32_t leader_among(const std::vector<UnitProcess> &processes, uint32_t qemu);

// The 16 bytes of -uuid in QEMU's command line; none without that option.
std::vector<uint8_t> uuid_in(std::string_view command);
// VSockCID= in QEMU's command line; 0 without a vsock.
uint32_t cid_in(std::string_view command);

// `paths`: of the manager whose VM it is, and whose machined. Returns a sentence for people:
// "registered with systemd-machined", or why there is nothing to do. An error needs somebody's
// attention.
Result<std::string> register_machine(const std::string &vm, const Paths &paths);

}  // namespace qemunit::helper
