// SPDX-License-Identifier: MIT
//
// A point in time until which a test waits for an event. No test sleeps: it waits for
// what it needs, and a deadline only ends a test that would hang.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace qemunit::e2e {

// Far longer than anything takes, also on a busy machine that emulates the guests.
inline constexpr std::chrono::seconds kPatience{90};

class Deadline {
  public:
    explicit Deadline(std::chrono::milliseconds patience = kPatience)
        : end_(std::chrono::steady_clock::now() + patience) {}

    bool passed() const { return left().count() <= 0; }
    // For poll(2).
    int poll_timeout() const { return static_cast<int>(std::max<int64_t>(0, left().count())); }
    // For sd-bus and sd-journal.
    uint64_t usec_left() const { return static_cast<uint64_t>(poll_timeout()) * 1000; }

  private:
    std::chrono::milliseconds left() const {
        return std::chrono::ceil<std::chrono::milliseconds>(end_ -
                                                            std::chrono::steady_clock::now());
    }

    std::chrono::steady_clock::time_point end_;
};

// Waits for what tells nobody that it has come: looks again and again, and leaves the processors to
// the others meanwhile.
template <typename Condition>
bool wait_until(Condition condition, Deadline deadline = Deadline()) {
    while (!condition()) {
        if (deadline.passed())
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace qemunit::e2e
