// SPDX-License-Identifier: MIT
#include "bus/service/leave.h"

#include <systemd/sd-daemon.h>

#include "bus/service/manager_object.h"
#include "common/shared_names.h"
#include "common/timer.h"

namespace qemunit::bus {

namespace {

// For systemd to take notice.
constexpr uint64_t kNoticeTimeout = 5 * kSecond;

}  // namespace

// systemd first has to know that this process ends: as long as it takes the service for active, it
// would do nothing about a call for which the bus asks it to start it. Then the name goes, and
// calls from here on are the next one's.
Result<std::unique_ptr<Leave>> Leave::begin(sd_bus *bus, std::function<void()> left) {
    sd_notify(0, "STOPPING=1");
    (void)sd_notify_barrier(0, kNoticeTimeout);
    std::unique_ptr<Leave> leave(new Leave(std::move(left)));
    sd_bus_slot *slot = nullptr;
    const int r = sd_bus_release_name_async(
        bus, &slot, kBusName,
        [](sd_bus_message *, void *userdata, sd_bus_error *) {
            static_cast<Leave *>(userdata)->left_();
            return 0;
        },
        leave.get());
    leave->release_call_.reset(slot);
    if (r < 0)
        return fail_errno(r, "cannot give the bus name back");
    return leave;
}

}  // namespace qemunit::bus
