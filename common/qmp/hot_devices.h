// SPDX-License-Identifier: MIT
//
// What came to a VM while it ran, by the ids that qemunitd gives.
#pragma once

#include <string>
#include <string_view>

namespace qemunit {

// For people: "the drive 'data'", "the network 'lan'", "a processor", "memory"; "" for what did not
// come so.
std::string hot_device_text(std::string_view id);

}  // namespace qemunit
