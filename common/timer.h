// SPDX-License-Identifier: MIT
//
// One-shot timers on an event loop. Everything of ours that waits for
// something has one, so that every wait ends. Times are CLOCK_MONOTONIC, in µs.
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

}  // namespace qemunit
