// SPDX-License-Identifier: MIT
//
// The name of a backup, which is that of the checkpoint in the images as well. Names sort by time.
#pragma once

#include <cstdint>
#include <string>

namespace qemunit {

// "20261129T162344Z-1f2e3d4c": behind the second the microsecond, and 12 bits of `random`.
std::string backup_name(uint64_t realtime_usec, uint32_t random);

}  // namespace qemunit
