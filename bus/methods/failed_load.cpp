// SPDX-License-Identifier: MIT
#include "bus/methods/failed_load.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

void answer_monitor(const CallPtr &call, const std::string &text) {
    reply_error(*call, bus_error::kMonitor, text);
}

// The caller gets the answer only after the property State has followed.
void answer_with_state(const CallPtr &call, const std::string &text) {
    execute(call, "query-status", nullptr,
            [call, text](const VmMonitor::Reply &) { answer_monitor(call, text); });
}

// The disks of one drive after the other are put back, then the machine is reset and loaded.
std::string what_is_there(const std::string &why) {
    return why.starts_with("Could not load snapshot '")
               ? "some of its disks may be those of the snapshot already, while its machine is not"
               : "its disks are those of the snapshot already, while its machine could not be "
                 "loaded";
}

void reset(const CallPtr &call, const std::string &why) {
    const auto vm = call->vm.lock();
    if (!vm)
        return answer_monitor(call, why);
    const std::string there = what_is_there(why);
    const auto done = [call, why, there](const VmMonitor::Reply &was_reset) {
        answer_with_state(
            call,
            was_reset
                ? fmt::format("{0}. VM '{1}' was reset and is paused, since {2}: Resume (or "
                              "`qemunitctl cmd {1} cont`) boots it from these disks, or load "
                              "another snapshot",
                              why, call->vm_name, there)
                : fmt::format("{}. VM '{}' is paused, since {}, and could not be reset ({}): do "
                              "that before it runs again, or load another snapshot",
                              why, call->vm_name, there, was_reset.error().message));
    };
    const uint64_t wait = vm->waits().wait(
        [](const QmpEvent &event) {
            return event.name == "RESET" && string_at(event.data, "reason") != "snapshot-load";
        },
        call->deadline, done);
    execute(call, "system_reset", nullptr, [call, wait, done](const VmMonitor::Reply &reply) {
        const auto asked = call->vm.lock();
        if (!reply && asked && asked->waits().cancel(wait))
            done(reply);
    });
}

}  // namespace

bool has_touched_nothing(std::string_view why) {
    return why.ends_with(" does not support snapshots") ||
           why.ends_with(" does not exist in one or more devices") ||
           why.starts_with("This is a disk-only snapshot.") ||
           why.starts_with("Record/replay does not allow loading snapshot") ||
           why == "No block device supports snapshots" ||
           why == "No block device can accept snapshots";
}

void answer_failed_load(const CallPtr &call, const std::string &why) {
    execute(call, "query-status", nullptr, [call, why](const VmMonitor::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : std::string();
        if (status == "running")  // QEMU has not even stopped the guest
            answer_monitor(call, why);
        else if (!has_touched_nothing(why))
            reset(call, why);
        else if (status == "restore-vm")  // the guest ran before
            execute(call, "cont", nullptr,
                    [call, why](const VmMonitor::Reply &) { answer_with_state(call, why); });
        else
            answer_monitor(call, why);
    });
}

}  // namespace qemunit::bus
