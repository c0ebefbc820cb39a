// SPDX-License-Identifier: MIT
#include "ctl/verbs/snapshots.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "common/whole_number.h"
#include "ctl/output/table.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// As much RAM as a big machine has, on a slow disk. qemunitd has a deadline of its own.
constexpr uint64_t kSnapshotTimeout = 3600 * kSecond;

Result<int> change_snapshot(const Invocation &invocation, const char *member) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done = call_vm(bus->get(), invocation.arguments[0], member,
                              {invocation.arguments[1]}, kSnapshotTimeout);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

// `snapshot rotate` saves and deletes snapshots whose tag begins so, and leaves others alone.
constexpr std::string_view kRotated = "auto-";

Result<std::vector<Snapshot>> list_snapshots(sd_bus *bus, const std::string &vm) {
    const auto reply = call_vm(bus, vm, "ListSnapshots");
    if (!reply)
        return std::unexpected(reply.error());
    std::vector<Snapshot> snapshots;
    int r = sd_bus_message_enter_container(reply->get(), 'a', "(stt)");
    while (r >= 0) {
        const char *tag = nullptr;
        uint64_t bytes = 0, time = 0;
        if (r = sd_bus_message_read(reply->get(), "(stt)", &tag, &bytes, &time); r <= 0)
            break;
        snapshots.push_back({tag, bytes, time});
    }
    if (r < 0)
        return fail_errno(r, "cannot read the list of snapshots");
    return snapshots;
}

}  // namespace

Result<int> run_snapshot_list(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto snapshots = list_snapshots(bus->get(), invocation.arguments[0]);
    if (!snapshots)
        return std::unexpected(snapshots.error());
    std::vector<std::vector<std::string>> rows{{"TAG", "VM STATE", "DATE"}};
    for (const Snapshot &snapshot : *snapshots)
        rows.push_back({snapshot.tag, size_text(snapshot.bytes),
                        fmt::format("{:%F %T}", fmt::localtime(static_cast<std::time_t>(
                                                    snapshot.usec / kSecond)))});
    fmt::print("{}", table_text(rows));
    return 0;
}

std::vector<std::string> to_be_rotated_out(const std::vector<Snapshot> &snapshots,
                                           std::size_t keep) {
    std::vector<std::string> tags;
    for (const Snapshot &snapshot : snapshots)
        if (snapshot.tag.starts_with(kRotated))
            tags.push_back(snapshot.tag);
    // Tags are dates, so that to sort them by name is to sort them by age.
    std::ranges::sort(tags);
    tags.resize(tags.size() - std::min(keep, tags.size()));
    return tags;
}

Result<int> run_snapshot_rotate(const Invocation &invocation) {
    const std::string &vm = invocation.arguments[0], &count = invocation.arguments[1];
    const auto keep = whole_number<std::size_t>(count, {.least = 1});
    if (!keep)
        return fail(EINVAL, fmt::format("'{}' is not a number of snapshots", count));
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const std::string tag = fmt::format("{}{:%Y%m%d-%H%M%S}-{:06}", kRotated,
                                        fmt::gmtime(now.tv_sec), now.tv_nsec / 1000);
    if (auto saved = call_vm(bus->get(), vm, "SaveSnapshot", {tag}, kSnapshotTimeout); !saved)
        return std::unexpected(saved.error());
    fmt::print("Saved {}\n", tag);
    const auto snapshots = list_snapshots(bus->get(), vm);
    if (!snapshots)
        return std::unexpected(snapshots.error());
    for (const std::string &old : to_be_rotated_out(*snapshots, *keep)) {
        if (auto done = call_vm(bus->get(), vm, "DeleteSnapshot", {old}, kSnapshotTimeout); !done)
            return std::unexpected(done.error());
        fmt::print("Deleted {}\n", old);
    }
    return 0;
}

Result<int> run_snapshot_save(const Invocation &invocation) {
    return change_snapshot(invocation, "SaveSnapshot");
}

Result<int> run_snapshot_load(const Invocation &invocation) {
    return change_snapshot(invocation, "LoadSnapshot");
}

Result<int> run_snapshot_delete(const Invocation &invocation) {
    return change_snapshot(invocation, "DeleteSnapshot");
}

}  // namespace qemunit::ctl
