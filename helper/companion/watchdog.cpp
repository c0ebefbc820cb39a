// SPDX-License-Identifier: MIT
#include "helper/companion/watchdog.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

// As long as a snapshot with much RAM takes on a slow disk. A QEMU that works for longer without an
// answer works in an endless loop.
constexpr uint64_t kWorkMax = 3600 * kSecond;

}  // namespace

void Watchdog::start() {
    if (period_usec_ > 0)
        return;
    // $WATCHDOG_PID is the main process, which is QEMU; the companion speaks for QEMU.
    const char *usec = std::getenv("WATCHDOG_USEC");
    period_usec_ = usec ? std::strtoull(usec, nullptr, 10) : 0;
    if (period_usec_ > 0)
        look();
}

// QEMU is asked three times in a period. A slow QEMU does not hang: its answer counts whenever it
// comes.
void Watchdog::look() {
    if (asked_usec_ == 0)
        ask();
    else if ((progress_.has_moved() || waits_for_another_()) &&
             monotonic_now(event_) - asked_usec_ < kWorkMax)
        vouch_for_work();
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + period_usec_ / 3, [this] { look(); }))
        next_ = std::move(*timer);
}

void Watchdog::ask() {
    asked_usec_ = monotonic_now(event_);
    progress_.has_moved();  // from here on
    // The timeout is longer than kWorkMax, whose time would begin anew otherwise.
    qmp_.execute("query-status", nullptr, kWorkMax + 2 * period_usec_,
                 [this](const QmpClient::Reply &reply) {
                     asked_usec_ = 0;
                     vouches_ = false;
                     if (reply)
                         sd_notify(0, "WATCHDOG=1");
                 });
}

void Watchdog::vouch_for_work() {
    if (!std::exchange(vouches_, true))
        fmt::print(stderr,
                   "<6>qemunit-helper: QEMU does not answer, but is at work, as for a snapshot; "
                   "WatchdogSec= waits for it.\n");
    sd_notify(0, "WATCHDOG=1");
}

}  // namespace qemunit::helper
