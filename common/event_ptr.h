// SPDX-License-Identifier: MIT
//
// Owning handles for sd-event objects (sd-event(3)). An event source that goes
// out of scope is disabled first, so that its callback can never run again.
#pragma once

#include <systemd/sd-event.h>

#include <memory>

namespace qemunit {

struct EventDeleter {
    void operator()(sd_event *event) const { sd_event_unref(event); }
};
using EventPtr = std::unique_ptr<sd_event, EventDeleter>;

struct EventSourceDeleter {
    void operator()(sd_event_source *source) const { sd_event_source_disable_unref(source); }
};
using EventSourcePtr = std::unique_ptr<sd_event_source, EventSourceDeleter>;

}  // namespace qemunit
