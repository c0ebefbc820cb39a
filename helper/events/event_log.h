// SPDX-License-Identifier: MIT
//
// QEMU's events in the journal, for the companion: one entry each, under the VM's unit. A
// QEMU that sends more of them than anybody reads, be it a broken disk's or one that a guest
// has taken over, fills neither the journal nor our memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/timer.h"
#include "helper/console/journal.h"
#include "helper/events/event_text.h"

namespace qemunit::helper {

class EventLog {
  public:
    // Entries of one second. One kind of event cannot use up all of them, so that the end of a VM
    // is told also when a disk has failed a thousand times before.
    static constexpr unsigned kEntriesMax = 100;
    static constexpr unsigned kEntriesOfAKindMax = 50;

    // `journal` outlives it.
    static Result<std::unique_ptr<EventLog>> create(sd_event *event, const std::string &vm,
                                                    Journal &journal);

    void take(const QmpEvent &event);
    void take(const EventText &text);

    // No more events come: the number of those that were left out is written now.
    void end();

  private:
    EventLog(const std::string &vm, Journal &journal) : vm_(vm), journal_(journal) {}
    bool has_room_for(const EventText &text);
    void begin_second();
    void end_second();
    void write(const EventText &text);

    const std::string vm_;
    Journal &journal_;
    Timer second_;                                          // since the first event in it
    unsigned written_ = 0;                                  // in this second
    std::map<std::string_view, unsigned> written_of_kind_;  // by message id
    uint64_t dropped_ = 0;
};

}  // namespace qemunit::helper
