// SPDX-License-Identifier: MIT
#include "helper/lifecycle/stopping.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

// The time that QEMU has to quit before systemd kills it.
constexpr uint64_t kQuitMax = 5 * kSecond;
// A guest that is still booting misses the button, so that it is pressed again. A guest that has
// heard the button ignores the next one.
constexpr uint64_t kPressInterval = 5 * kSecond;
// The longest save, even if it moves: 1 TiB at 100 MB/s takes three hours.
constexpr uint64_t kSavingMax = 4 * 3600 * kSecond;
// A disk that takes nothing for this long is broken, not slow.
constexpr uint64_t kStandstillMax = 60 * kSecond;
// How often a QEMU is asked that is in the middle of something (is_passing()).
constexpr uint64_t kPassingInterval = 1 * kSecond;
// How often QEMU is asked to let a guest go on that could not be saved.
constexpr uint64_t kLetInterval = 250 * kMillisecond;

// Run states in which the guest stands still, and goes on by `cont`.
bool is_paused(const std::string &status) {
    return status == "paused" || status == "debug" || status == "watchdog";
}

// Run states in which QEMU is in the middle of something that ends by itself.
bool is_passing(const std::string &status) {
    return status == "save-vm" || status == "finish-migrate";
}

}  // namespace

Stopping::Stopping(sd_event *event, QmpClient &qmp, StopMode mode, uint64_t timeout_usec,
                   const SavedState &saved, GuestRun &guest_run, pid_t qemu, Handover &handover,
                   Callbacks callbacks)
    : event_(event),
      qmp_(qmp),
      mode_(mode),
      timeout_usec_(timeout_usec),
      saved_(saved),
      guest_run_(guest_run),
      callbacks_(std::move(callbacks)),
      // The other half of the time is for the power button.
      hibernation_(event, qmp, saved, qemu, handover, std::min(patience() / 2, kStandstillMax),
                   [this] {
                       if (has_begun_)
                           grant_time();
                   }),
      handover_(handover),
      takes_over_(handover.takeovers > 0) {
    hibernation_.look_at_images_by(callbacks_.look_at_images);
}

uint64_t Stopping::patience() const {
    return timeout_usec_ - std::min(timeout_usec_ / 4, kQuitMax);
}

void Stopping::begin() {
    if (std::exchange(has_begun_, true))
        return;
    if (!qmp_.is_ready()) {  // there is no guest yet that could be asked
        quit("Stopping: QEMU had not started");
        return;
    }
    grant_time();
    // Else when the machine is saved, or could not be.
    if (!handover_.is_hibernating)
        climb();
}

void Stopping::hibernate(std::function<void(Result<>)> done) {
    on_hibernated_ = std::move(done);
    handover_.is_hibernating = true;
    look_at_machine();
}

void Stopping::go_on_hibernating() {
    hibernate([](const Result<> &) {});
}

void Stopping::answer(Result<> result) {
    answer_by_.reset();
    if (const auto done = std::exchange(on_hibernated_, nullptr))
        done(std::move(result));
}

void Stopping::go_on(uint64_t until_usec) {
    if (std::exchange(has_begun_, true))
        return;
    if (mode_ == StopMode::hibernate)
        grant_time();
    else
        end_at(until_usec - std::min(until_usec, timeout_usec_ - patience()));
    if (!handover_.is_hibernating)
        climb();
}

// No time is granted beyond the end of the longest save.
void Stopping::grant_time() {
    const uint64_t now = monotonic_now(event_);
    if (longest_usec_ == 0)
        longest_usec_ = now + timeout_usec_ + kSavingMax;
    if (now + timeout_usec_ > longest_usec_)
        return;
    callbacks_.grant(timeout_usec_);
    if (!has_ended_)
        end_at(now + patience());
}

void Stopping::end_at(uint64_t when) {
    if (auto timer = start_timer(event_, when, [this] { end_of_time(); }))
        deadline_ = std::move(*timer);
}

void Stopping::end_of_time() {
    fmt::print(
        stderr,
        "<4>qemunit-helper: stopping takes too long{}, pulling the plug; StopTimeout= in the "
        "ini file gives it more time.\n",
        is_asking_       ? " (QEMU does not answer)"
        : io_errors_ > 0 ? " (the guest stood at an I/O error)"
                         : "");
    quit("Stopping: the time is up, pulling the plug");
}

void Stopping::climb() {
    if (mode_ == StopMode::quit)
        quit("Stopping: pulling the plug");
    else if (mode_ == StopMode::hibernate)
        look_at_machine();
    else
        look();
}

// QEMU is asked each time before the button is pressed: the guest may have been paused since, or
// have met an I/O error.
void Stopping::look() {
    look_again_in(kPressInterval);
    if (std::exchange(is_asking_, true))
        return;
    qmp_.execute("query-status", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
        is_asking_ = false;
        if (reply && next_look_)
            take_status(string_at(*reply, "status"));
    });
}

void Stopping::look_again_in(uint64_t usec) {
    if (auto timer = start_timer(event_, monotonic_now(event_) + usec, [this] { look(); }))
        next_look_ = std::move(*timer);
}

void Stopping::take_status(const std::string &status) {
    if (status == "running") {
        press_button();
    } else if (status == "io-error") {
        warn_of_io_error();
        wake("cont");
    } else if (is_paused(status) || (could_not_save_ && status == "postmigrate")) {
        wake("cont");
    } else if (status == "suspended") {
        wake("system_wakeup");
    } else if (is_passing(status)) {
        look_again_in(kPassingInterval);
    } else {
        quit_without_guest(status);
    }
}

// A guest that stands still is let run first: only then does it hear the button.
void Stopping::wake(const std::string &command) {
    if (guest_run_.let(command, [](const QmpClient::Reply &) {}))
        press_button();
}

void Stopping::warn_of_io_error() {
    if (++io_errors_ == 1)
        fmt::print(stderr,
                   "<4>qemunit-helper: the guest stood still at an I/O error of its disk; it goes "
                   "on, so that it can shut down.\n");
    else if (io_errors_ == 2)
        fmt::print(stderr,
                   "<4>qemunit-helper: the guest stands still at an I/O error again, and cannot "
                   "shut down. Free space on the disk of its images, or the plug is pulled when "
                   "StopTimeout= is over.\n");
}

void Stopping::press_button() {
    callbacks_.tell_status(io_errors_ > 1
                               ? "Stopping: the guest stands still at an I/O error of its disk"
                               : "Stopping: pressed the power button, waiting for the guest");
    if (!std::exchange(was_pressed_, true))
        callbacks_.ask_agent();
    qmp_.execute("system_powerdown", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
}

// A guest that has not run since it was saved must not run now: its saved state is still right, and
// would not be any more.
void Stopping::look_at_machine() {
    callbacks_.tell_status(handover_.is_hibernating ? "Saving the machine's state"
                                                    : "Stopping: saving the machine's state");
    is_asking_ = true;
    const uint64_t patience = handover_.is_hibernating ? kStandstillMax : kNoTimeout;
    qmp_.execute("query-status", nullptr, patience, [this](const QmpClient::Reply &reply) {
        is_asking_ = false;
        if (!reply && handover_.is_hibernating && !has_ended_)
            return refuse(fail(ETIMEDOUT, reply.error().message));
        if (!reply || (has_begun_ && !deadline_))
            return;
        const std::string status = string_at(*reply, "status");
        // After a takeover, the guest may have run for a moment without a companion that saw it.
        const bool is_as_saved = !takes_over_ && status != "running" && saved_.exists();
        if (status == "inmigrate" || is_as_saved)
            quit("Stopping: the machine's state is still saved");
        else if (status == "running" || status == "io-error" || status == "suspended" ||
                 is_paused(status) || is_passing(status) ||
                 (handover_.is_saving && status == "postmigrate"))
            save(status);
        else if (handover_.is_hibernating)
            refuse(fail(EBUSY, fmt::format("the guest does not run ({})", status)));
        else
            quit_without_guest(status);
    });
}

// Where a companion that was killed has begun to save, the guest may be paused by Hibernation's own
// `stop`, and then is no guest that somebody has paused.
void Stopping::save(const std::string &status) {
    could_not_save_ = false;
    const auto done = [this](const Result<> &saved) {
        take_saved(saved);
    };
    if (handover_.is_saving) {
        hibernation_.go_on(done);
        return;
    }
    handover_.is_paused = is_paused(status);
    handover_.is_saving = true;
    hibernation_.begin(done);
}

void Stopping::take_saved(const Result<> &saved) {
    if (saved) {
        fmt::print(stderr,
                   "<6>qemunit-helper: the machine's state is saved in {}; the next start goes on "
                   "with it.\n",
                   saved_.path());
        if (handover_.is_hibernating && !has_begun_)
            have_systemd_end_it();
        quit("Stopping: the machine's state is saved");
        callbacks_.end_saving();
        return;
    }
    could_not_save_ = true;
    if (handover_.is_hibernating) {
        let_go_on(saved);
        callbacks_.end_saving();
        return;
    }
    fmt::print(stderr, "<4>qemunit-helper: {}; {}.\n", saved.error().message,
               has_ended_ ? "the next start boots" : "shutting the guest down instead");
    if (!has_ended_)
        look();
    callbacks_.end_saving();
}

// The state is whole, and nothing of QEMU is needed any more. One that does not quit is systemd's
// to kill, after the time for stopping that the VM has; the caller does not wait for that.
void Stopping::have_systemd_end_it() {
    callbacks_.tell_stopping();
    callbacks_.grant(timeout_usec_);
    auto timer = start_timer(event_, monotonic_now(event_) + patience(), [this] {
        fmt::print(stderr,
                   "<4>qemunit-helper: QEMU does not quit; systemd ends it when StopTimeout= is "
                   "over.\n");
        answer({});
    });
    if (timer)
        answer_by_ = std::move(*timer);
}

// A guest that was not made to stand still is left as it is: it may stand for a good reason. The VM
// may have been told to stop meanwhile.
void Stopping::refuse(Result<> result) {
    fmt::print(stderr, "<4>qemunit-helper: {}; {}.\n", result.error().message,
               has_ended_   ? "the next start boots"
               : has_begun_ ? "stopping it instead"
                            : "the guest goes on");
    handover_.is_hibernating = handover_.is_saving = false;
    if (has_begun_ && !has_ended_) {
        mode_ = mode_ == StopMode::hibernate ? StopMode::poweroff : mode_;
        climb();
    } else if (!has_ended_) {
        callbacks_.goes_on();
    }
    answer(std::move(result));
}

// QEMU does not let the guest run before the migration has come to its end.
void Stopping::let_go_on(Result<> result) {
    if (has_ended_ || has_begun_ || handover_.is_paused || !hibernation_.may_have_stopped_guest())
        return refuse(std::move(result));
    const auto again = [this, result] {
        if (auto timer = start_timer(event_, monotonic_now(event_) + kLetInterval,
                                     [this, result] { let_go_on(result); }))
            next_look_ = std::move(*timer);
    };
    qmp_.execute("query-status", nullptr, kNoTimeout,
                 [this, result, again](const QmpClient::Reply &reply) {
                     const std::string status = reply ? string_at(*reply, "status") : "";
                     if (status == "running" || status == "suspended" || has_ended_)
                         return refuse(result);
                     if (status != "paused" && status != "postmigrate")
                         return again();
                     guest_run_.let("cont", [this, result, again](const QmpClient::Reply &ran) {
                         if (ran)
                             refuse(result);
                         else
                             again();
                     });
                 });
}

void Stopping::quit(const std::string &why) {
    next_look_.reset();
    deadline_.reset();
    callbacks_.tell_status(why);
    qmp_.execute("quit", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
}

void Stopping::quit_without_guest(const std::string &status) {
    fmt::print(stderr,
               "<4>qemunit-helper: the guest does not run ({}) and cannot be asked to shut down, "
               "pulling the plug.\n",
               status);
    quit(fmt::format("Stopping: the guest does not run ({}), pulling the plug", status));
}

void Stopping::on_event(const QmpEvent &event) {
    if (event.name == "SHUTDOWN") {
        has_ended_ = true;
        next_look_.reset();
        deadline_.reset();
    }
    hibernation_.on_event(event);
    // STOP after SHUTDOWN: QEMU has -no-shutdown, and stays. (A QEMU that ends sends no STOP:
    // do_vm_stop() in softmmu/cpus.c.)
    if (event.name == "STOP" && std::exchange(has_ended_, false) && has_begun_)
        quit("Stopping: the guest has powered off");
}

void Stopping::on_closed() {
    has_ended_ = true;
    next_look_.reset();
    deadline_.reset();
    if (saved_.exists())
        answer({});
    else
        answer(fail(ESHUTDOWN, "cannot save the machine's state: QEMU has ended"));
}

}  // namespace qemunit::helper
