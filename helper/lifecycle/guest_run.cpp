// SPDX-License-Identifier: MIT
#include "helper/lifecycle/guest_run.h"

#include <fmt/format.h>

#include <utility>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

// A QEMU that is busy executes the command later, also after this time.
constexpr uint64_t kPatience = 3600 * kSecond;

}  // namespace

bool GuestRun::let(const std::string &command, std::function<void(const QmpClient::Reply &)> done) {
    if (!forbidden_.empty()) {
        fmt::print(stderr, "<4>qemunit-helper: {}; the guest must not run here: QEMU quits.\n",
                   forbidden_);
        qmp_.execute("quit", nullptr, kPatience, [](const QmpClient::Reply &) {});
        return false;
    }
    if (!give_up_state())
        return false;
    qmp_.execute(command, nullptr, kPatience, std::move(done));
    return true;
}

bool GuestRun::give_up_state() {
    const auto retired = saved_.retire();
    if (retired)
        return true;
    if (!std::exchange(has_refused_, true))
        fmt::print(stderr,
                   "<3>qemunit-helper: {}; with its saved state still there, the guest must "
                   "not run: QEMU quits, and the next start goes on with that state.\n",
                   retired.error().message);
    qmp_.execute("quit", nullptr, kPatience, [](const QmpClient::Reply &) {});
    return false;
}

void GuestRun::on_event(const QmpEvent &event) const {
    if ((event.name != "RESUME" && event.name != "WAKEUP") || !saved_.exists())
        return;
    if (const auto retired = saved_.retire(); !retired)
        fmt::print(stderr,
                   "<2>qemunit-helper: {}; the guest was let run by a monitor, and that state does "
                   "not go with its disks any more: delete it before the next start.\n",
                   retired.error().message);
    else
        fmt::print(stderr,
                   "<5>qemunit-helper: the guest was let run by a monitor; its saved state is of "
                   "no use any more.\n");
}

}  // namespace qemunit::helper
