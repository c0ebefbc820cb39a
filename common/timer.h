// SPDX-License-Identifier: MIT
//
// Timers on an event loop. Everything of ours that waits for something has one, so that every wait
// ends. Times are CLOCK_MONOTONIC, in µs.
#pragma once

#include <cstdint>
#include <functional>

#include "common/event_ptr.h"
#include "common/result.h"
#include "common/time_units.h"

namespace qemunit {

uint64_t monotonic_now(sd_event *event);

// Calls `expired` once, not before `when`; never once the handle is gone.
Result<EventSourcePtr> start_timer(sd_event *event, uint64_t when, std::function<void()> expired);

// A timer that is started more than once: it is stopped at first, and again when it has expired.
class Timer {
  public:
    // `expired` may start the timer anew, or drop it. `accuracy`: how much later than it is due it
    // may expire, so that the machine wakes up once for several timers.
    static Result<Timer> create(sd_event *event, std::function<void()> expired,
                                uint64_t accuracy = 250 * kMillisecond,
                                int64_t priority = SD_EVENT_PRIORITY_NORMAL);

    Timer() = default;  // none: never expires
    explicit operator bool() const { return source_ != nullptr; }
    void reset() { source_.reset(); }

    // From now on, also if it runs.
    void start(uint64_t usec);
    void stop();
    // When it was due, or will be.
    uint64_t due() const;

  private:
    explicit Timer(EventSourcePtr source) : source_(std::move(source)) {}

    EventSourcePtr source_;
};

}  // namespace qemunit
