// SPDX-License-Identifier: MIT
//
// WatchdogSec= of the unit: systemd hears of the VM as long as QEMU answers, or is at work on what
// keeps it from answering, such as a snapshot, or waits for another host. QEMU that hangs is
// systemd's to kill.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "helper/companion/progress.h"

namespace qemunit::helper {

class Watchdog {
  public:
    // `waits_for_another`: QEMU may not answer because another host does not. Who says so sees to
    // it that this ends.
    Watchdog(sd_event *event, QmpClient &qmp, pid_t qemu, std::function<bool()> waits_for_another)
        : event_(event),
          qmp_(qmp),
          progress_(qemu),
          waits_for_another_(std::move(waits_for_another)) {}

    // Does nothing if the unit has no watchdog ($WATCHDOG_USEC, sd_watchdog_enabled(3)). To be
    // called once.
    void start();

  private:
    void look();
    void ask();
    void vouch_for_work();

    sd_event *event_;
    QmpClient &qmp_;
    Progress progress_;
    const std::function<bool()> waits_for_another_;
    uint64_t period_usec_ = 0;
    uint64_t asked_usec_ = 0;  // when the question was sent that QEMU has not answered yet
    bool vouches_ = false;
    EventSourcePtr next_;
};

}  // namespace qemunit::helper
