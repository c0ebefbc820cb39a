// SPDX-License-Identifier: MIT
//
// What `systemctl stop` means for the guest: a ladder of steps, each milder than the next, within
// the StopTimeout= that the VM was started with. systemd is told if that is longer than the time
// that systemd knows. The last step is systemd's SIGKILL. A QEMU that does not answer is busy, and
// is waited for until the time is up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "helper/handover/options.h"
#include "helper/handover/saved_state.h"
#include "helper/handover/supervision.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/hibernation.h"
#include "helper/lifecycle/image_marks.h"

namespace qemunit::helper {

class Stopping {
  public:
    struct Callbacks {
        std::function<void(const std::string &status)> tell_status;
        // Stopping may take this long from now on (µs).
        std::function<void(uint64_t usec)> grant;
        // Tells the guest agent to shut down, if there is one.
        std::function<void()> ask_agent;
        // Saving has ended: is_writing() is false.
        std::function<void()> end_saving;
        // Tells systemd that the VM ends by itself: the time for stopping begins.
        std::function<void()> tell_stopping;
        // A guest that was to be saved by hibernate() is as it was before.
        std::function<void()> goes_on;
        // The images as they are now, for the saved state.
        std::function<ImageMarks()> look_at_images = {};
    };

    // `timeout_usec`: StopTimeout=. `qemu`: the process. `handover`: tells a companion that has
    // taken over, which may have missed events.
    Stopping(sd_event *event, QmpClient &qmp, StopMode mode, uint64_t timeout_usec,
             const SavedState &saved, GuestRun &guest_run, pid_t qemu, Handover &handover,
             Callbacks callbacks);

    // Begins to stop. Further calls change nothing.
    void begin();
    // Saves the machine and has QEMU quit, of a VM that is not being stopped. If that fails, the
    // guest goes on, unless the VM is stopped meanwhile. `done` is called once, after a success
    // when QEMU is gone, or does not go.
    void hibernate(std::function<void(Result<>)> done);
    // The same, where a companion that was killed has begun.
    void go_on_hibernating();
    // Goes on where the companion before this one has begun to stop. `until_usec`: the end of the
    // time that was granted last (CLOCK_MONOTONIC).
    void go_on(uint64_t until_usec);
    bool has_begun() const { return has_begun_; }
    void on_event(const QmpEvent &event);
    // The guest goes on in this process.
    void set_process(pid_t qemu) { hibernation_.set_process(qemu); }
    // QEMU is gone.
    void on_closed();
    // A saved state is still on its way to the disk; QEMU is not needed for that.
    bool is_writing() const { return hibernation_.is_writing(); }

  private:
    void grant_time();
    void end_at(uint64_t when);
    void end_of_time();
    uint64_t patience() const;
    void climb();
    void look();
    void look_again_in(uint64_t usec);
    void take_status(const std::string &status);
    void wake(const std::string &command);
    void press_button();
    void look_at_machine();
    void answer(Result<> result);
    void refuse(Result<> result);
    void let_go_on(Result<> result);
    void save(const std::string &status);
    void take_saved(const Result<> &saved);
    void have_systemd_end_it();
    void warn_of_io_error();
    void quit(const std::string &why);
    void quit_without_guest(const std::string &status);

    sd_event *event_;
    QmpClient &qmp_;
    StopMode mode_;
    uint64_t timeout_usec_;
    const SavedState &saved_;
    GuestRun &guest_run_;
    Callbacks callbacks_;
    Hibernation hibernation_;
    EventSourcePtr deadline_, next_look_, answer_by_;
    Handover &handover_;
    bool takes_over_;
    std::function<void(Result<>)> on_hibernated_;  // while somebody has asked for that
    bool has_begun_ = false;
    bool is_asking_ = false;       // a query-status is under way
    bool was_pressed_ = false;     // the button
    bool could_not_save_ = false;  // a guest that stands still since then is to go on
    bool has_ended_ = false;       // QEMU said SHUTDOWN
    unsigned io_errors_ = 0;       // how often the guest was found stopped at one
    uint64_t longest_usec_ = 0;    // the end of the longest save, even of one that moves
};

}  // namespace qemunit::helper
