// SPDX-License-Identifier: MIT
//
// Whether a QEMU that does not answer is at work or hangs, by what /proc tells of its threads. For
// the watchdog of the companion, which may read that much of a process of its own user.
//
// QEMU answers in its main loop, which is the thread that bears the process' number. While QEMU
// saves a snapshot, that thread works or waits for a disk, and does not answer for minutes.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace qemunit::helper {

class Progress {
  public:
    explicit Progress(pid_t process) : process_(process) {}

    // Whether, since the last call or since ever, QEMU's main thread has run or wants to, or one of
    // QEMU's threads waits for a disk. A process has not moved if it is stopped, if its main thread
    // waits for another thread, or if /proc says nothing of it.
    bool has_moved();

  private:
    pid_t process_;
    uint64_t switches_ = 0;
};

}  // namespace qemunit::helper
