// SPDX-License-Identifier: MIT
//
// WatchdogSec= of the unit: systemd hears of the VM as long as QEMU answers.
#pragma once

#include "common/event_ptr.h"
#include "common/qmp_client.h"

namespace qemunit {

class Watchdog {
  public:
    Watchdog(sd_event *event, QmpClient &qmp) : event_(event), qmp_(qmp) {}

    // If the unit has a watchdog ($WATCHDOG_USEC, sd_watchdog_enabled(3)).
    void start();

  private:
    void ask();

    sd_event *event_;
    QmpClient &qmp_;
    uint64_t period_usec_ = 0;
    EventSourcePtr next_;
};

}  // namespace qemunit
