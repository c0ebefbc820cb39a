// SPDX-License-Identifier: MIT
//
// Owning handles for sd-event objects (sd-event(3)). An event source that goes
// out of scope is disabled first, so that its callback can never run again.
#pragma once

#include <systemd/sd-event.h>

#include <memory>
#include <utility>

namespace qemunit {

struct EventDeleter {
    void operator()(sd_event *event) const { sd_event_unref(event); }
};
using EventPtr = std::unique_ptr<sd_event, EventDeleter>;

struct EventSourceDeleter {
    void operator()(sd_event_source *source) const { sd_event_source_disable_unref(source); }
};
using EventSourcePtr = std::unique_ptr<sd_event_source, EventSourceDeleter>;

// `handler` is the userdata of `source`, which owns it from now on. sd-event frees neither before a
// callback that runs has returned, so that a handler may drop its own source.
template <typename Handler>
EventSourcePtr own_handler(sd_event_source *source, std::unique_ptr<Handler> handler) {
    sd_event_source_set_destroy_callback(
        source, [](void *userdata) { delete static_cast<Handler *>(userdata); });
    (void)handler.release();
    return EventSourcePtr(source);
}

}  // namespace qemunit
