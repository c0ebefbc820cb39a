// SPDX-License-Identifier: MIT
//
// Resumes a guest from its saved state: loads the state, then lets the guest run, or leaves it
// paused as it was. Tells qemunit-helper of each step, since what the helper does with the state's
// file depends on the last step. A companion that takes over may do each step again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/unique_fd.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/saved_state.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/image_marks.h"
#include "helper/lifecycle/loading.h"

namespace qemunit::helper {

// For Hibernation, which compares this hardware with that at the end. Hardware that does not fit
// into the Handover is not remembered.
void remember_hardware(Handover &handover, const Hardware &hardware);

class Resuming {
  public:
    struct Callbacks {
        std::function<void(const std::string &)> tell_status;
        std::function<bool()> is_stopping;
        std::function<void()> is_paused;  // the guest was saved as a paused one, and stays paused
        std::function<void()> has_resumed;
        std::function<ImageMarks()> look_at_images = {};
    };

    // `helper`: where qemunit-helper reads the steps; no fd if there is no saved state.
    Resuming(sd_event *event, QmpClient &qmp, const SavedState &saved, GuestRun &guest_run,
             Handover &handover, UniqueFd helper, Callbacks callbacks)
        : event_(event),
          qmp_(qmp),
          saved_(saved),
          guest_run_(guest_run),
          handover_(handover),
          helper_(std::move(helper)),
          callbacks_(std::move(callbacks)) {}

    bool is_wanted() const { return static_cast<bool>(helper_); }

    // To be called once QMP answers.
    void begin();
    // QEMU has said that it cannot load the state, and ends.
    void on_event(const QmpEvent &event) const;

  private:
    void load();
    void take_loaded(const Result<> &loaded);
    void run();
    void stay_paused();
    void finish();
    void quit();
    void tell_helper(Resumption step) const;
    void grant_time_to_load() const;

    sd_event *event_;
    QmpClient &qmp_;
    const SavedState &saved_;
    GuestRun &guest_run_;
    Handover &handover_;
    const UniqueFd helper_;
    const Callbacks callbacks_;
    std::optional<Loading> loading_;
};

}  // namespace qemunit::helper
