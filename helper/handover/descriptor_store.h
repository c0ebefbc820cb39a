// SPDX-License-Identifier: MIT
//
// Open files that systemd keeps for a service, from one of its commands to the next (FDSTORE= of
// sd_notify(3)). For programs that a start waits for: links no libsystemd, whose protocol is open
// to other implementations.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::helper {

Result<> store_descriptor(std::string_view name, int fd);

// Of all descriptors of that name.
Result<> remove_stored(std::string_view name);

// What systemd keeps the tap interface of a [Network] as.
std::string stored_tap_name(std::string_view network);

// Of a [HostDevice] of USB.
std::string stored_usb_name(std::string_view device);

// And what the mount with that place among --mounted= is to be of.
inline constexpr std::string_view kStoredMount = "mount-";
std::string stored_mount_name(std::size_t place);

// Until systemd has taken all that was said before, or for `seconds`. A process that ends earlier
// may be forgotten before its messages are read.
Result<> wait_for_store(int seconds);

}  // namespace qemunit::helper
