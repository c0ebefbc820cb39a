// SPDX-License-Identifier: MIT
#include "helper/lifecycle/failed_load.h"

#include <fmt/format.h>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

// As long as the RAM of a big machine takes from a slow disk.
constexpr uint64_t kSnapshotTimeout = 3600 * kSecond;

}  // namespace

void FailedLoad::look() {
    ask(/*again=*/false);
}

void FailedLoad::ask(bool again) {
    qmp_.execute(
        "query-status", nullptr, kSnapshotTimeout, [this, again](const QmpClient::Reply &reply) {
            const std::string status = reply ? string_at(*reply, "status") : "";
            if (status == "restore-vm" && !again) {
                look_again();
            } else if ((status == "restore-vm" || status == "prelaunch") && again) {
                fmt::print(stderr,
                           "<3>qemunit-helper: a snapshot could not be loaded, and the guest "
                           "stands still. Unless QEMU has said that there is no such snapshot, "
                           "the disks are those of the snapshot already, and the machine is not: "
                           "to boot it from them, call Reset and then Resume of org.qemunit1(5), "
                           "or load another snapshot.\n");
                on_failure_();
            }
        });
}

void FailedLoad::look_again() {
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + kSecond, [this] { ask(/*again=*/true); }))
        next_look_ = std::move(*timer);
}

}  // namespace qemunit::helper
