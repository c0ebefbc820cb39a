// SPDX-License-Identifier: MIT
#include "helper/events/event_text.h"

#include <fmt/format.h>
#include <syslog.h>

#include <utility>

#include "common/qmp/event_data.h"
#include "common/qmp/events.h"

namespace qemunit::helper {

using nlohmann::json;

namespace {

constexpr std::size_t kNameMax = 64;    // characters of an event's name
constexpr std::size_t kDataMax = 4096;  // bytes of JSON

constexpr std::string_view kOtherMessageId = "0a322ba3c2634e9baac0aee545b69c55";
constexpr std::string_view kExitStatusMessageId = "3a380a8e5e4f415f8c37554812858e54";
constexpr std::string_view kDroppedMessageId = "76c1df931d6e4a73b11da27d2525689e";

EventSentence sentence_of(const EventKind &kind, const json &data) {
    return kind.sentence ? kind.sentence(data)
                         : EventSentence{kind.priority, std::string(kind.text)};
}

// As JSON with nothing but printable ASCII.
std::string data_text(const json &data) {
    if (data.empty())
        return {};
    std::string text = data.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
    // A part of it would be no JSON.
    return text.size() <= kDataMax ? text : std::string();
}

}  // namespace

std::optional<EventText> event_text(const QmpEvent &event) {
    const EventKind *kind = find_event_kind(event.name);
    if (event.name.empty() || (kind && kind->is_noise))
        return {};
    EventText text;
    text.name = plain_text(event.name, kNameMax);
    EventSentence sentence = kind ? sentence_of(*kind, event.data)
                                  : EventSentence{LOG_INFO, "QEMU reports " + text.name};
    if (sentence.text.empty())
        return {};
    text.message = std::move(sentence.text);
    text.priority = sentence.priority;
    text.message_id = kind ? kind->message_id : kOtherMessageId;
    text.data = data_text(event.data);
    return text;
}

EventText dropped_events_text(uint64_t count) {
    return {.message = fmt::format("{} more events of QEMU are not logged: there were too many "
                                   "in a second",
                                   count),
            .priority = LOG_WARNING,
            .message_id = kDroppedMessageId};
}

EventText exit_status_text(int status) {
    return {.message = fmt::format("The guest says that it ends with exit status {}", status),
            .priority = status == 0 ? LOG_INFO : LOG_ERR,
            .message_id = kExitStatusMessageId};
}

std::vector<EventMessageId> event_message_ids() {
    std::vector<EventMessageId> ids;
    for (const EventKind &kind : event_kinds())
        if (!kind.is_noise)
            ids.push_back({kind.name, kind.message_id});
    ids.push_back({"all other events", kOtherMessageId});
    ids.push_back({"the guest's exit status", kExitStatusMessageId});
    ids.push_back({"events that were left out", kDroppedMessageId});
    return ids;
}

}  // namespace qemunit::helper
