// SPDX-License-Identifier: MIT
//
// The one place where the companion lets a guest run that stands still: a saved state must be gone
// before, and the guest must not be another host's. No other code sends `cont` or `system_wakeup`.
#pragma once

#include <functional>
#include <string>

#include "common/qmp/qmp_client.h"
#include "helper/handover/saved_state.h"

namespace qemunit::helper {

class GuestRun {
  public:
    GuestRun(QmpClient &qmp, const SavedState &saved) : qmp_(qmp), saved_(saved) {}

    // `command`: "cont" or "system_wakeup". `done` gets QEMU's answer. If the saved state cannot be
    // retired, QEMU is told to quit instead, so that the state stays right for the next start;
    // let() returns false then, and `done` is not called.
    bool let(const std::string &command, std::function<void(const QmpClient::Reply &)> done);
    // From now on, let() makes QEMU quit instead: the guest is another host's, for this reason.
    void forbid(std::string why) { forbidden_ = std::move(why); }
    void allow() { forbidden_.clear(); }
    // The same without a command, for a guest that somebody else may let run from now on.
    bool give_up_state();
    // Somebody else may have let the guest run, by a monitor.
    void on_event(const QmpEvent &event) const;

  private:
    QmpClient &qmp_;
    const SavedState &saved_;
    std::string forbidden_;
    bool has_refused_ = false;
};

}  // namespace qemunit::helper
