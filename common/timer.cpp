// SPDX-License-Identifier: MIT
#include "common/timer.h"

namespace qemunit {

uint64_t monotonic_now(sd_event *event) {
    uint64_t now = 0;
    sd_event_now(event, CLOCK_MONOTONIC, &now);
    return now;
}

Result<EventSourcePtr> start_timer(sd_event *event, uint64_t when, std::function<void()> expired) {
    using Expired = std::function<void()>;
    auto owned = std::make_unique<Expired>(std::move(expired));
    sd_event_source *source = nullptr;
    int r = sd_event_add_time(
        event, &source, CLOCK_MONOTONIC, when, 10 * kMillisecond,
        [](sd_event_source *, uint64_t, void *userdata) {
            (*static_cast<Expired *>(userdata))();
            return 0;
        },
        owned.get());
    if (r < 0)
        return fail_errno(r, "cannot set a timer");
    // sd-event keeps the source until its callback has returned, and `expired` with it.
    sd_event_source_set_destroy_callback(
        source, [](void *userdata) { delete static_cast<Expired *>(userdata); });
    (void)owned.release();
    return EventSourcePtr(source);
}

}  // namespace qemunit
