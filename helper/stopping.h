// SPDX-License-Identifier: MIT
//
// What `systemctl stop` means for the guest: a ladder of steps, each milder than the next,
// within the time that systemd grants (TimeoutStopSec=). Its last step is systemd's SIGKILL.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp_client.h"
#include "helper/hibernation.h"
#include "helper/options.h"

namespace qemunit {

class Stopping {
  public:
    using StatusCallback = std::function<void(const std::string &status)>;

    // `timeout_usec`: what systemd grants. `state_file`: where hibernating saves the state.
    // `ask_agent`: tells the guest agent to shut down, if there is one.
    Stopping(sd_event *event, QmpClient &qmp, StopMode mode, uint64_t timeout_usec,
             std::string state_file, StatusCallback on_status, std::function<void()> ask_agent);

    // Once; what comes again is one stop all the same.
    void begin();
    // The same, some time after it was asked for (CLOCK_MONOTONIC): the companion that has begun
    // was killed.
    void go_on(uint64_t asked_usec);
    bool has_begun() const { return has_begun_; }
    void on_event(const QmpEvent &event) { hibernation_.on_event(event); }

  private:
    void climb(uint64_t asked_usec);
    void power_off();
    void press_button();
    void hibernate();
    void save();
    void quit(const std::string &why);

    sd_event *event_;
    QmpClient &qmp_;
    StopMode mode_;
    uint64_t timeout_usec_;
    StatusCallback on_status_;
    std::function<void()> ask_agent_;
    Hibernation hibernation_;
    EventSourcePtr deadline_, next_press_;
    bool has_begun_ = false;
    bool goes_on_ = false;
};

}  // namespace qemunit
