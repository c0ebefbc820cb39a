// SPDX-License-Identifier: MIT
//
// What a saved state tells of the machine that it is of, at the beginning of its file, before what
// QEMU has written. Hibernation writes it last of all, Loading reads it first; states that qemunit
// 0.7 has saved have none.
#pragma once

#include <sys/types.h>

#include <optional>

#include "common/result.h"
#include "helper/lifecycle/hardware.h"

namespace qemunit::helper {

struct StateHeader {
    bool paused = false;  // somebody had paused the guest, which is to stay so
    Hardware hardware;
};

// Bytes; where QEMU's own part begins.
inline constexpr off_t kStateHeaderSize = 64 << 10;

// At the beginning of the file; the file's offset stays.
Result<> write_state_header(int file, const StateHeader &header);
std::optional<StateHeader> read_state_header(int file);

}  // namespace qemunit::helper
