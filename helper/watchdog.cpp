// SPDX-License-Identifier: MIT
#include "helper/watchdog.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "common/timer.h"

namespace qemunit {

void Watchdog::start() {
    // $WATCHDOG_PID is the main process, which is QEMU; this one speaks for it.
    const char *usec = std::getenv("WATCHDOG_USEC");
    interval_usec_ = usec ? std::strtoull(usec, nullptr, 10) / 3 : 0;
    if (interval_usec_ > 0)
        ask();
}

void Watchdog::ask() {
    qmp_.execute("query-status", nullptr, interval_usec_, [](const QmpClient::Reply &reply) {
        if (reply)
            sd_notify(0, "WATCHDOG=1");
    });
    if (auto timer = start_timer(event_, monotonic_now(event_) + interval_usec_, [this] { ask(); }))
        next_ = std::move(*timer);
}

}  // namespace qemunit
