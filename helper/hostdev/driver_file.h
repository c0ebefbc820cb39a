// SPDX-License-Identifier: MIT
//
// The kernel's files by which drivers are told to let a device go or to take one. A driver may
// never return from that, and whoever has written stands in the kernel then, where no signal
// reaches it: so that is another process, and this one goes on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time_units.h"

namespace qemunit::helper {

// The time that all drivers have together, in one run of the program.
class DriverFiles {
  public:
    explicit DriverFiles(uint64_t patience_usec);

    // ETIMEDOUT when the time is up. What the process that stands in the kernel has open, locks
    // among it, stays so until the driver returns.
    Result<> write(const std::string &path, std::string_view text) const;

  private:
    uint64_t patience_usec_, until_usec_;
};

}  // namespace qemunit::helper
