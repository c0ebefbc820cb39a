// SPDX-License-Identifier: MIT
//
// The state directory that a start has made, and that has nothing in it after the start has failed.
// For `--explain` and `--explain-failure`. One that was there before is somebody's, as a place for
// a mount, and stays.
#pragma once

#include <cstdint>
#include <string>

namespace qemunit::generator {

// In µs of CLOCK_REALTIME.
struct Period {
    uint64_t begin = 0, end = 0;
};

// Of the start in which this process is one.
Period this_start();
// Of the start that has failed last, as systemd knows. Empty if it is under way again, or nobody
// knows.
Period last_start(const std::string &unit);

// Removes the folder if it is empty and was made in that time; where the file system does not know
// when that was, if nothing was put into it or taken out since before. Tells whether it did.
bool remove_if_made_in(const Period &period, const std::string &folder);

}  // namespace qemunit::generator
