// SPDX-License-Identifier: MIT
//
// Times are numbers of µs, as systemd has them.
#pragma once

#include <cstdint>

namespace qemunit {

inline constexpr uint64_t kMillisecond = 1000;
inline constexpr uint64_t kSecond = 1000 * kMillisecond;

}  // namespace qemunit
