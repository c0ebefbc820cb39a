// SPDX-License-Identifier: MIT
#include "helper/watchdog.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "common/timer.h"

namespace qemunit {

void Watchdog::start() {
    // $WATCHDOG_PID is the main process, which is QEMU; this one speaks for it.
    const char *usec = std::getenv("WATCHDOG_USEC");
    period_usec_ = usec ? std::strtoull(usec, nullptr, 10) : 0;
    if (period_usec_ > 0)
        ask();
}

// Three times in a period, and any answer within it counts: a QEMU that is slow is not hung.
void Watchdog::ask() {
    qmp_.execute("query-status", nullptr, period_usec_, [](const QmpClient::Reply &reply) {
        if (reply)
            sd_notify(0, "WATCHDOG=1");
    });
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + period_usec_ / 3, [this] { ask(); }))
        next_ = std::move(*timer);
}

}  // namespace qemunit
