// SPDX-License-Identifier: MIT
//
// The first bytes of a file that a caller has handed over. Its file system may be somebody's
// program that answers late or never, so a process of its own reads. Methods that look into a
// caller's file come here, when the caller has the right to what they do; the loop never waits.
#pragma once

#include <systemd/sd-event.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "common/result.h"

namespace qemunit::bus {

// Who waits in a file system cannot even be killed, until that one answers: as many of one user may
// have taken longer than a second, and as many may be under way, of one user and of all. A reload
// of many VMs reads many at once, and none for long.
inline constexpr std::size_t kSlowReadersOfUser = 2, kReadersOfUser = 32, kReadersMax = 128;

// Up to `size` bytes, at most 4096; less if the file is shorter. `whose`: of the caller, for the
// bound. `read` is called once, maybe before this returns. Errors: EUSERS if too many
// are being read already, ETIMEDOUT at `deadline` (CLOCK_MONOTONIC, µs).
void read_beginning(sd_event *event, const std::string &whose, int file, std::size_t size,
                    uint64_t deadline, std::function<void(Result<std::string>)> read);

}  // namespace qemunit::bus
