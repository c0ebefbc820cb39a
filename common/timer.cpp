// SPDX-License-Identifier: MIT
#include "common/timer.h"

#include <memory>
#include <utility>

namespace qemunit {

namespace {

using Expired = std::function<void()>;

Result<EventSourcePtr> add_timer(sd_event *event, uint64_t when, uint64_t accuracy,
                                 Expired expired) {
    auto owned = std::make_unique<Expired>(std::move(expired));
    sd_event_source *source = nullptr;
    if (int r = sd_event_add_time(
            event, &source, CLOCK_MONOTONIC, when, accuracy,
            [](sd_event_source *, uint64_t, void *userdata) {
                (*static_cast<Expired *>(userdata))();
                return 0;
            },
            owned.get());
        r < 0)
        return fail_errno(r, "cannot set a timer");
    return own_handler(source, std::move(owned));
}

}  // namespace

uint64_t monotonic_now(sd_event *event) {
    uint64_t now = 0;
    sd_event_now(event, CLOCK_MONOTONIC, &now);
    return now;
}

Result<EventSourcePtr> start_timer(sd_event *event, uint64_t when, std::function<void()> expired) {
    return add_timer(event, when, 10 * kMillisecond, std::move(expired));
}

Result<Timer> Timer::create(sd_event *event, std::function<void()> expired, uint64_t accuracy,
                            int64_t priority) {
    auto source = add_timer(event, UINT64_MAX, accuracy, std::move(expired));
    if (!source)
        return std::unexpected(source.error());
    int r = sd_event_source_set_enabled(source->get(), SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_priority(source->get(), priority);
    if (r < 0)
        return fail_errno(r, "cannot set a timer");
    return Timer(std::move(*source));
}

void Timer::start(uint64_t usec) {
    if (!source_)
        return;
    sd_event_source_set_time_relative(source_.get(), usec);
    sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT);
}

void Timer::stop() {
    if (source_)
        sd_event_source_set_enabled(source_.get(), SD_EVENT_OFF);
}

uint64_t Timer::due() const {
    uint64_t when = UINT64_MAX;
    if (source_)
        sd_event_source_get_time(source_.get(), &when);
    return when;
}

}  // namespace qemunit
