// SPDX-License-Identifier: MIT
//
// Waits for events of QEMU's that end what a command has only begun: a device that the guest lets
// go, a dump. Owned by a Vm. Every wait ends, at the latest at its deadline.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

class EventWaits {
  public:
    using Matcher = std::function<bool(const QmpEvent &)>;

    explicit EventWaits(sd_event *event) : event_(event) {}
    EventWaits(const EventWaits &) = delete;
    EventWaits &operator=(const EventWaits &) = delete;

    // `done` is called once, with the data of the first event that `is_it`, or with what went
    // wrong: `deadline` (CLOCK_MONOTONIC, µs) has passed. To be called before the command that
    // makes QEMU send it.
    uint64_t wait(Matcher is_it, uint64_t deadline, VmMonitor::ReplyCallback done);

    // Ends a wait without a call of `done`. False if the wait has ended before.
    bool cancel(uint64_t id) { return waits_.erase(id) > 0; }

    // To be called for every event of the monitor. Whether somebody waited for the event.
    bool take_event(const QmpEvent &event);

    // The connection is gone, and no event comes any more.
    void fail_all(const std::string &reason);

  private:
    struct Wait {
        Matcher is_it;
        VmMonitor::ReplyCallback done;
        EventSourcePtr timer;
    };

    void finish(uint64_t id, VmMonitor::Reply reply);

    sd_event *event_;
    uint64_t next_ = 1;
    std::map<uint64_t, Wait> waits_;
};

}  // namespace qemunit::bus
