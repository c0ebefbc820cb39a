// SPDX-License-Identifier: MIT
//
// A process that gets a part of its time only, as on a busy machine, or by CPUQuota= where the
// kernel counts. What it does, it does as ever, but late.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace qemunit::e2e {

class Slowed {
  public:
    // It runs for `runs` out of `runs` and `stands`, until this object is gone. These sleeps are
    // what makes it slow; nothing is waited for.
    Slowed(pid_t pid, std::chrono::milliseconds runs, std::chrono::milliseconds stands)
        : thread_([this, pid, runs, stands] {
              while (!over_) {
                  kill(pid, SIGSTOP);
                  std::this_thread::sleep_for(stands);
                  kill(pid, SIGCONT);
                  std::this_thread::sleep_for(runs);
              }
          }) {}
    ~Slowed() {
        over_ = true;
        thread_.join();
    }
    Slowed(const Slowed &) = delete;
    Slowed &operator=(const Slowed &) = delete;

  private:
    std::atomic<bool> over_ = false;
    std::thread thread_;
};

}  // namespace qemunit::e2e
