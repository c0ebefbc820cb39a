// SPDX-License-Identifier: MIT
//
// The tap interface of a VM, opened: the descriptor is all that QEMU needs of the host's network.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

struct Tap {
    std::string network;    // its name in the ini
    std::string interface;  // "vm1-lan"
};

// Of --tap: "lan:vm1-lan".
Result<Tap> parse_tap(std::string_view text);

// Only an interface that is there: the kernel would make one, which goes with the descriptor.
Result<UniqueFd> open_tap(const Tap &tap);

}  // namespace qemunit::helper
