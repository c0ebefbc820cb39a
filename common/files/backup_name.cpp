// SPDX-License-Identifier: MIT
#include "common/files/backup_name.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace qemunit {

std::string backup_name(uint64_t realtime_usec, uint32_t random) {
    constexpr uint64_t kSecond = 1'000'000;
    return fmt::format("{:%Y%m%dT%H%M%S}Z-{:05x}{:03x}",
                       fmt::gmtime(static_cast<std::time_t>(realtime_usec / kSecond)),
                       realtime_usec % kSecond, random & 0xfff);
}

}  // namespace qemunit
