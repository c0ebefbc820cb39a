// SPDX-License-Identifier: MIT
//
// The one table of the QMP events that qemunit knows: a row says what the journal, the unit's
// status and qemunitd make of an event. The companion and qemunitd read the table. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <string_view>

namespace qemunit {

// The message of a journal entry.
struct EventSentence {
    int priority;  // LOG_INFO and the like, syslog(3)
    std::string text;
};

struct EventKind {
    std::string_view name;  // "SHUTDOWN", as qapi/*.json of QEMU has it

    // Noise gets no journal entry, and no other column: a sound guest causes such events all the
    // time, and nobody would look for them in a log.
    bool is_noise = false;

    // The id of the event's text in units/qemunit.catalog, made with "systemd-id128 new". An id
    // never changes: people and programs search for it.
    std::string_view message_id = {};

    // The message of the journal entry: the same for each such event, or made from the event's
    // data. An empty sentence means no entry.
    int priority = 0;
    std::string_view text = {};
    EventSentence (*sentence)(const nlohmann::json &data) = nullptr;

    // What `systemctl status` shows from then on. Nothing for events that change nothing a person
    // would ask about. `exit_status`: what the guest has said that it ends with.
    std::string_view status = {};
    std::string (*status_from)(const nlohmann::json &data, int exit_status) = nullptr;

    // query-status may have another answer now.
    bool moves_state = false;
};

std::span<const EventKind> event_kinds();

// nullptr for an event that the table does not have.
const EventKind *find_event_kind(std::string_view name);

}  // namespace qemunit
