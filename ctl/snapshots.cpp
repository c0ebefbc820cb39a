// SPDX-License-Identifier: MIT
#include "ctl/snapshots.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "ctl/table.h"
#include "ctl/vm_bus.h"

namespace qemunit {

namespace {

// As much RAM as a big machine has, on a slow disk. qemunitd has a deadline of its own.
constexpr uint64_t kSnapshotTimeout = 3600 * kSecond;

Result<int> change(const Invocation &invocation, const char *member) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done = call_vm(bus->get(), invocation.arguments[0], member,
                              {invocation.arguments[1]}, kSnapshotTimeout);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

}  // namespace

Result<int> run_snapshot_list(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto reply = call_vm(bus->get(), invocation.arguments[0], "ListSnapshots");
    if (!reply)
        return std::unexpected(reply.error());
    std::vector<std::vector<std::string>> rows{{"TAG", "VM STATE", "DATE"}};
    int r = sd_bus_message_enter_container(reply->get(), 'a', "(stt)");
    while (r >= 0) {
        const char *tag = nullptr;
        uint64_t bytes = 0, time = 0;
        if (r = sd_bus_message_read(reply->get(), "(stt)", &tag, &bytes, &time); r <= 0)
            break;
        rows.push_back(
            {tag, size_text(bytes),
             fmt::format("{:%F %T}", fmt::localtime(static_cast<std::time_t>(time / kSecond)))});
    }
    if (r < 0)
        return fail_errno(r, "cannot read the list of snapshots");
    fmt::print("{}", table_text(rows));
    return 0;
}

Result<int> run_snapshot_save(const Invocation &invocation) {
    return change(invocation, "SaveSnapshot");
}

Result<int> run_snapshot_load(const Invocation &invocation) {
    return change(invocation, "LoadSnapshot");
}

Result<int> run_snapshot_delete(const Invocation &invocation) {
    return change(invocation, "DeleteSnapshot");
}

}  // namespace qemunit
