// SPDX-License-Identifier: MIT
//
// A process whose main thread gets nothing done, as one that waits for a disk. SIGSTOP would not
// do where systemd stops the unit: it sends SIGCONT along, and the process runs for a moment.
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

namespace qemunit::e2e {

// For as long as this object lives, on the thread that made it.
class Held {
  public:
    explicit Held(pid_t pid) : pid_(pid) {
        EXPECT_EQ(ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr), 0) << strerror(errno);
        EXPECT_EQ(ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr), 0) << strerror(errno);
        EXPECT_EQ(waitpid(pid_, nullptr, __WALL), pid_) << strerror(errno);
    }
    ~Held() { EXPECT_EQ(ptrace(PTRACE_DETACH, pid_, nullptr, nullptr), 0) << strerror(errno); }
    Held(const Held &) = delete;
    Held &operator=(const Held &) = delete;

  private:
    pid_t pid_;
};

}  // namespace qemunit::e2e
