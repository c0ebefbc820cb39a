// SPDX-License-Identifier: MIT
//
// The header of a saved state: what the file tells of the machine, before the part that QEMU
// writes. Hibernation writes the header last of all, Loading reads it first. States that qemunit
// 0.7 has saved have no header.
#pragma once

#include <optional>

#include "common/result.h"
#include "helper/handover/saved_state.h"
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/image_marks.h"

namespace qemunit::helper {

struct StateHeader {
    bool paused = false;  // somebody had paused the guest, and it stays paused when it is loaded
    Hardware hardware;
    bool was_asked_for = false;  // of a VM that need not have Stop=hibernate
    ImageMarks images = {};      // as the guest has left them; none in older states
};

// At the beginning of the file; the file's offset stays.
Result<> write_state_header(int file, const StateHeader &header);
std::optional<StateHeader> read_state_header(int file);

}  // namespace qemunit::helper
