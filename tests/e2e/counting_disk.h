// SPDX-License-Identifier: MIT
//
// The second disk of the guest tests/guests/counter.S, as the host finds it when the VM is off.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qemunit::e2e {

struct CountingDisk {
    uint32_t number = 0;        // the greatest that is on it whole
    bool disagrees = false;     // the guest has seen something else on it than it had written
    std::string broken_sector;  // what is neither a number nor empty, if there is such a thing
};

// `bytes`: those of the disk, from its beginning.
CountingDisk read_counting_disk(std::string_view bytes);

}  // namespace qemunit::e2e
