// SPDX-License-Identifier: MIT
#include "bus/service/idle_exit.h"

#include "common/timer.h"

namespace qemunit::bus {

namespace {

// Each caller that is tracked takes a match rule. The bus grants a connection 512 (dbus-daemon(1),
// max_match_rules_per_connection), and refuses more. A daemon with so many callers is not idle.
constexpr unsigned kCallersMax = 200;

// The time in which callers of the last moment get their answers.
constexpr uint64_t kAnswerTimeout = 20 * kSecond;

}  // namespace

Result<std::unique_ptr<IdleExit>> IdleExit::watch(sd_event *event, sd_bus *bus, uint64_t idle_usec,
                                                  std::function<bool()> is_needed) {
    std::unique_ptr<IdleExit> idle(new IdleExit(event, bus, idle_usec, std::move(is_needed)));
    sd_bus_track *track = nullptr;
    int r = sd_bus_track_new(
        bus, &track,
        [](sd_bus_track *, void *userdata) {
            static_cast<IdleExit *>(userdata)->look_again();
            return 1;  // 0 would be: call again at once (bus_track_dispatch() in systemd)
        },
        idle.get());
    idle->callers_.reset(track);
    sd_bus_slot *slot = nullptr;
    if (r >= 0)
        r = sd_bus_add_filter(bus, &slot, on_message, idle.get());
    idle->filter_.reset(slot);
    if (r < 0)
        return fail_errno(r, "cannot watch for callers");
    idle->look_again();
    return idle;
}

int IdleExit::on_message(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *idle = static_cast<IdleExit *>(userdata);
    if (!sd_bus_message_is_method_call(message, nullptr, nullptr))
        return 0;
    if (sd_bus_track_count(idle->callers_.get()) >= kCallersMax)
        idle->has_too_many_callers_ = true;
    else  // a caller who has left already cannot be added, and need not be
        (void)sd_bus_track_add_sender(idle->callers_.get(), message);
    idle->look_again();
    return 0;  // the objects answer it
}

void IdleExit::look_again() {
    if (is_released_ && !has_callers())
        return exit();
    if (is_leaving_)
        return;
    timer_.reset();
    if (has_too_many_callers_ || has_callers() || is_needed_())
        return;
    if (auto timer = start_timer(event_, monotonic_now(event_) + idle_usec_, [this] { leave(); }))
        timer_ = std::move(*timer);
}

void IdleExit::leave() {
    is_leaving_ = true;
    auto left = Leave::begin(bus_, [this] { on_name_released(); });
    if (!left)
        return exit();
    leave_ = std::move(*left);
}

void IdleExit::on_name_released() {
    is_released_ = true;
    if (!has_callers())
        return exit();
    auto timer = start_timer(event_, monotonic_now(event_) + kAnswerTimeout, [this] { exit(); });
    if (!timer)
        return exit();
    timer_ = std::move(*timer);
}

void IdleExit::exit() {
    sd_event_exit(event_, EXIT_SUCCESS);
}

}  // namespace qemunit::bus
