// SPDX-License-Identifier: MIT
#include "helper/events/event_log.h"

#include <fmt/format.h>

#include <utility>

namespace qemunit::helper {

namespace {

// Serial ports stop reading when the journal is_full(), so there is room beyond that.
constexpr std::size_t kQueueMax = 1 << 20;  // bytes

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::create(sd_event *event, const std::string &vm,
                                                   Journal &journal) {
    std::unique_ptr<EventLog> log(new EventLog(vm, journal));
    auto second = Timer::create(event, [&log = *log] { log.end_second(); });
    if (!second)
        return std::unexpected(second.error());
    log->second_ = std::move(*second);
    return log;
}

void EventLog::take(const QmpEvent &event) {
    if (const auto text = event_text(event))
        take(*text);
}

void EventLog::take(const EventText &text) {
    if (written_ == 0 && dropped_ == 0)
        begin_second();
    if (has_room_for(text))
        write(text);
    else
        ++dropped_;
}

bool EventLog::has_room_for(const EventText &text) {
    if (written_ >= kEntriesMax || journal_.queued_bytes() >= kQueueMax)
        return false;
    unsigned &of_kind = written_of_kind_[text.message_id];
    if (of_kind >= kEntriesOfAKindMax)
        return false;
    ++of_kind;
    ++written_;
    return true;
}

void EventLog::begin_second() {
    second_.start(kSecond);
}

void EventLog::end_second() {
    written_ = 0;
    written_of_kind_.clear();
    if (dropped_ == 0)
        return;
    if (journal_.queued_bytes() < kQueueMax)
        write(dropped_events_text(std::exchange(dropped_, 0)));
    else
        begin_second();  // journald takes nothing at the moment
}

void EventLog::end() {
    end_second();
    second_.stop();
}

void EventLog::write(const EventText &text) {
    const std::string priority = fmt::to_string(text.priority);
    Journal::Fields fields{{"MESSAGE", text.message},
                           {"PRIORITY", priority},
                           {"MESSAGE_ID", text.message_id},
                           {"SYSLOG_IDENTIFIER", vm_},
                           {"QEMUNIT_VM", vm_}};
    if (!text.name.empty())
        fields.emplace_back("QEMUNIT_EVENT", text.name);
    if (!text.data.empty())
        fields.emplace_back("QEMUNIT_EVENT_DATA", text.data);
    journal_.send(fields);
}

}  // namespace qemunit::helper
