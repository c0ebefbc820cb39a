// SPDX-License-Identifier: MIT
//
// Whether a QEMU that does not answer is at work or hangs, by what /proc tells of its threads. For
// the watchdog of the companion, which may read that much of a process of its own user.
//
// QEMU answers in its main loop, in the thread that bears the process' number, and for minutes does
// not while it saves a snapshot: what it does then, it does there, or waits there for a disk.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace qemunit::helper {

class Progress {
  public:
    explicit Progress(pid_t process) : process_(process) {}

    // Since the last call, or since ever: its main thread has run or wants to, or one of its
    // threads waits for a disk. A process that is stopped, or whose main thread waits for
    // another one that never comes, has not moved. Nor has one that nothing is known of.
    bool has_moved();

  private:
    pid_t process_;
    uint64_t switches_ = 0;
};

}  // namespace qemunit::helper
