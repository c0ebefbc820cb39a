// SPDX-License-Identifier: MIT
#include "helper/events/status_text.h"

#include "common/qmp/events.h"

namespace qemunit::helper {

std::string status_text(const QmpEvent &event, int exit_status) {
    const EventKind *kind = find_event_kind(event.name);
    if (!kind)
        return {};
    return kind->status_from ? kind->status_from(event.data, exit_status)
                             : std::string(kind->status);
}

std::string status_text_of_state(std::string_view state) {
    QmpEvent event;
    if (state == "paused")
        event.name = "STOP";
    else if (state == "suspended")
        event.name = "SUSPEND";
    else if (state == "guest-panicked")
        event.name = "GUEST_PANICKED";
    return status_text(event);
}

}  // namespace qemunit::helper
