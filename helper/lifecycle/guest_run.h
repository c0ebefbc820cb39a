// SPDX-License-Identifier: MIT
//
// The one door through which the companion lets a guest run that stands still. Nobody else of ours
// says `cont` or `system_wakeup`: a saved state must be gone before.
#pragma once

#include <functional>
#include <string>

#include "common/qmp/qmp_client.h"
#include "helper/handover/saved_state.h"

namespace qemunit::helper {

class GuestRun {
  public:
    GuestRun(QmpClient &qmp, const SavedState &saved) : qmp_(qmp), saved_(saved) {}

    // `command`: "cont" or "system_wakeup". `done` hears what QEMU answers. While the state that
    // the machine was saved in cannot be retired, QEMU is told to quit instead, so that the state
    // is still right for the next start: false, and `done` is not called.
    bool let(const std::string &command, std::function<void(const QmpClient::Reply &)> done);
    // For a guest that may be let run by somebody else from now on: the same without a command.
    bool give_up_state();
    // Somebody else may have let it run, by a monitor.
    void on_event(const QmpEvent &event) const;

  private:
    QmpClient &qmp_;
    const SavedState &saved_;
    bool has_refused_ = false;
};

}  // namespace qemunit::helper
