// SPDX-License-Identifier: MIT
#include "helper/stopping.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/timer.h"

namespace qemunit {

namespace {

constexpr uint64_t kCommandTimeout = 5 * kSecond;
// Left for QEMU to quit before systemd kills it.
constexpr uint64_t kQuitMax = 5 * kSecond;
// A guest that is still booting misses the button; one that has heard it does not mind.
constexpr uint64_t kPressInterval = 5 * kSecond;

}  // namespace

Stopping::Stopping(sd_event *event, QmpClient &qmp, StopMode mode, uint64_t timeout_usec,
                   std::string state_file, StatusCallback on_status,
                   std::function<void()> ask_agent)
    : event_(event),
      qmp_(qmp),
      mode_(mode),
      timeout_usec_(timeout_usec),
      on_status_(std::move(on_status)),
      ask_agent_(std::move(ask_agent)),
      hibernation_(event, qmp, std::move(state_file)) {}

void Stopping::begin() {
    if (std::exchange(has_begun_, true))
        return;
    if (!qmp_.is_ready()) {  // no guest to be asked yet
        quit("Stopping: QEMU had not started");
        return;
    }
    climb(monotonic_now(event_));
}

void Stopping::go_on(uint64_t asked_usec) {
    if (std::exchange(has_begun_, true))
        return;
    goes_on_ = true;
    climb(asked_usec);
}

void Stopping::climb(uint64_t asked_usec) {
    const uint64_t patience = timeout_usec_ - std::min(timeout_usec_ / 4, kQuitMax);
    if (auto timer = start_timer(event_, asked_usec + patience, [this] {
            fmt::print(stderr,
                       "<4>qemunit-helper: stopping takes too long, pulling the plug; StopTimeout= "
                       "in the ini file gives it more time.\n");
            quit("Stopping: the time is up, pulling the plug");
        }))
        deadline_ = std::move(*timer);
    if (mode_ == StopMode::quit)
        quit("Stopping: pulling the plug");
    else if (mode_ == StopMode::hibernate)
        hibernate();
    else
        power_off();
}

// A guest that somebody paused hears the button when it runs again.
void Stopping::power_off() {
    qmp_.execute("query-status", nullptr, kCommandTimeout, [this](QmpClient::Reply reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (status == "paused" || status == "suspended") {
            qmp_.execute(status == "paused" ? "cont" : "system_wakeup", nullptr, kCommandTimeout,
                         [](const QmpClient::Reply &) {});
        } else if (status != "running") {
            quit(fmt::format("Stopping: the guest does not run ({}), pulling the plug",
                             status.empty() ? "QEMU does not answer" : status));
            return;
        }
        ask_agent_();
        press_button();
    });
}

void Stopping::press_button() {
    on_status_("Stopping: pressed the power button, waiting for the guest");
    qmp_.execute("system_powerdown", nullptr, kCommandTimeout, [](const QmpClient::Reply &) {});
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + kPressInterval, [this] { press_button(); }))
        next_press_ = std::move(*timer);
}

// A guest that has not come back yet must not: it would leave behind the state that it came from.
void Stopping::hibernate() {
    on_status_("Stopping: saving the machine's state");
    qmp_.execute("query-status", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
        if (reply && string_at(*reply, "status") == "inmigrate")
            quit("Stopping: the machine's state is still saved");
        else
            save();
    });
}

void Stopping::save() {
    const auto done = [this](const Result<> &saved) {
        if (saved) {
            fmt::print(stderr,
                       "<6>qemunit-helper: the machine's state is saved in {}; the next start goes "
                       "on with it.\n",
                       hibernation_.state_file());
            quit("Stopping: the machine's state is saved");
            return;
        }
        fmt::print(stderr, "<4>qemunit-helper: {}; shutting the guest down instead.\n",
                   saved.error().message);
        power_off();
    };
    if (goes_on_)
        hibernation_.go_on(done);
    else
        hibernation_.begin(done);
}

void Stopping::quit(const std::string &why) {
    next_press_.reset();
    deadline_.reset();
    on_status_(why);
    qmp_.execute("quit", nullptr, kCommandTimeout, [](const QmpClient::Reply &) {});
}

}  // namespace qemunit
