// SPDX-License-Identifier: MIT
//
// What systemd says of a VM's units, and is told. For the verbs that change a VM that is off: none
// of them stops a VM.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

// "active", "inactive", "failed", …
Result<std::string> active_state(sd_bus *bus, const std::string &vm);
// An error that says how to stop the VM, unless it is off.
Result<> check_is_off(sd_bus *bus, const Paths &paths, const std::string &vm);

// An error if the VM was given to another host: what its disks have is that one's. `state_dir`: of
// the VM (state_folder()).
Result<> check_has_not_moved(const std::string &state_dir);

// The same, and an error if the disks are a copy that was not finished.
Result<> check_has_disks(const std::string &state_dir);

// `systemctl [--user] WORDS`; the error has what it said.
Result<> tell_systemd(const Paths &paths, std::vector<std::string> words);
// Sockets and timers that might start the VM.
Result<> stop_what_starts(const Paths &paths, const std::string &vm);

}  // namespace qemunit::ctl
