// SPDX-License-Identifier: MIT
//
// The QEMU that a VM runs, and the one that is installed, which is another one after an upgrade of
// the package. For `upgrade`, `migrate`, and what `list` and `status` say.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

// 0: the VM does not run.
Result<uint32_t> main_pid(sd_bus *bus, const std::string &vm);
std::vector<std::string> command_of_process(uint32_t pid);
// Whether the file of the program that a process runs is another one by now. Nobody but root is
// told which file a process of somebody else runs: then, whether the file is younger than the
// process. False if that is not known either.
bool is_program_replaced(uint32_t pid);

// "pc-q35-7.2": the machine that a VM runs.
Result<std::string> machine_of(sd_bus *bus, const std::string &vm);

}  // namespace qemunit::ctl
