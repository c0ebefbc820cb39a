// SPDX-License-Identifier: MIT
//
// QMP event -> what the journal gets of it, by the table in common/qmp/events.cpp: a sentence for
// people, a priority, the id of its text in the catalog (units/qemunit.catalog). Pure. Whatever
// QEMU sends, each field is short, printable ASCII without a newline: none of them ends a field of
// an entry or begins one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

struct EventText {
    std::string message;  // "The guest powered off"
    int priority = 6;     // LOG_INFO and the like, syslog(3)
    std::string_view message_id;
    std::string name;  // "SHUTDOWN"
    std::string data;  // JSON; empty where the event has none, or more than belongs in a log
};

// Nothing for an event that is not worth an entry.
std::optional<EventText> event_text(const QmpEvent &event);

// `count` events were left out of the journal, as there were too many.
EventText dropped_events_text(uint64_t count);

// The guest's systemd has said that it ends with this (EXIT_STATUS= of sd_notify(3)).
EventText exit_status_text(int status);

// The ids that the functions above give, each with the heading of its text in the catalog.
struct EventMessageId {
    std::string_view heading;  // the event's name, or "all other events" and the like
    std::string_view message_id;
};
std::vector<EventMessageId> event_message_ids();

}  // namespace qemunit::helper
