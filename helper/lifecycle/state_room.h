// SPDX-License-Identifier: MIT
//
// Whether there is room for a machine's saved state, before the guest stands still for it and a
// disk that others use is filled up. For the companion. Only looks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "common/result.h"

namespace qemunit::helper {

// "VmRSS: 1024 kB" and what else of /proc/PID/status is memory that a process has filled, in bytes;
// 0 if it does not say.
uint64_t filled_memory(const std::string &status);

// `ram`: bytes; 0 if QEMU does not say, and then there is no error. Pages that the guest has never
// touched take no room, so the state is at most as large as what the process `qemu` has filled.
Result<> check_room_for_state(const std::string &state_file, uint64_t ram, pid_t qemu);

}  // namespace qemunit::helper
