// SPDX-License-Identifier: MIT
#include "bus/monitor/snapshot_drives.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bus/monitor/hot_drive.h"
#include "common/ascii.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// QEMUSnapshotInfo has room for 255 bytes, and cuts off what is longer.
constexpr std::size_t kTagMax = 128;

uint64_t number_of(const json &object, const char *key) {
    auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

// The member, if it is an object.
const json *object_at(const json &object, const char *key) {
    auto found = object.find(key);
    return found != object.end() && found->is_object() ? &*found : nullptr;
}

bool is_true(const json &object, const char *key) {
    auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::vector<Snapshot> snapshots_of(const json &inserted) {
    std::vector<Snapshot> snapshots;
    const json *image = object_at(inserted, "image");
    if (!image || !image->contains("snapshots") || !(*image)["snapshots"].is_array())
        return snapshots;
    for (const json &snapshot : (*image)["snapshots"])
        if (snapshot.is_object())
            snapshots.push_back({string_at(snapshot, "name"), number_of(snapshot, "vm-state-size"),
                                 number_of(snapshot, "date-sec") * 1'000'000 +
                                     number_of(snapshot, "date-nsec") / 1'000});
    return snapshots;
}

std::vector<std::string> tags_of(const std::vector<Snapshot> &snapshots) {
    std::vector<std::string> tags;
    for (const Snapshot &snapshot : snapshots)
        tags.push_back(snapshot.tag);
    return tags;
}

std::unexpected<std::string> no_such(const SnapshotDrives &drives, const std::string &vm,
                                     const std::string &tag) {
    const auto tags = tags_of(drives.common());
    if (tags.empty())
        return std::unexpected(fmt::format("VM '{}' has no snapshot '{}', nor any other", vm, tag));
    return std::unexpected(
        fmt::format("VM '{}' has no snapshot '{}'; it has: {}", vm, tag, fmt::join(tags, ", ")));
}

// "root" of [Drive root], "qemunit-hot-data" of a drive that was attached since, else QEMU's path.
std::string name_of_drive(const json &device, const json &inserted) {
    if (std::string name = string_at(device, "device"); !name.empty())
        return name;
    std::string node = string_at(inserted, "node-name");
    return hot_drive_name(node).empty() ? string_at(device, "qdev") : node;
}

// What a snapshot with one of these would leave out, or restore half.
std::string unfit(const SnapshotDrives &drives, const std::string &vm) {
    if (!drives.raw.empty())
        if (const std::string hot = hot_drive_name(drives.raw.front()); !hot.empty())
            return fmt::format(
                "Drive '{}', which was attached while VM '{}' runs, is writable and raw, and a raw "
                "image can hold no snapshot: detach it first",
                hot, vm);
    if (!drives.raw.empty())
        return fmt::format(
            "Drive '{0}' of VM '{1}' is writable and raw, and a raw image can hold no snapshot: "
            "convert it with `qemu-img convert -O qcow2`, or set ReadOnly=yes or Ephemeral=yes in "
            "[Drive {0}]",
            drives.raw.front(), vm);
    if (drives.drives.empty())
        return fmt::format(
            "VM '{}' has no drive that could hold a snapshot: it needs a writable "
            "one with Format=qcow2",
            vm);
    return {};
}

json nodes_of(const std::vector<SnapshotDrive> &drives) {
    json nodes = json::array();
    for (const SnapshotDrive &drive : drives)
        nodes.push_back(drive.node);
    return nodes;
}

}  // namespace

const Snapshot *SnapshotDrive::find(std::string_view tag) const {
    auto found = std::ranges::find(snapshots, tag, &Snapshot::tag);
    return found == snapshots.end() ? nullptr : &*found;
}

std::vector<Snapshot> SnapshotDrives::common() const {
    std::vector<Snapshot> common;
    if (drives.empty())
        return common;
    for (Snapshot snapshot : drives.front().snapshots) {
        bool everywhere = true;
        for (const SnapshotDrive &drive : drives) {
            const Snapshot *here = drive.find(snapshot.tag);
            everywhere = everywhere && here;
            if (here)
                snapshot.vm_state_bytes = std::max(snapshot.vm_state_bytes, here->vm_state_bytes);
        }
        if (everywhere)
            common.push_back(std::move(snapshot));
    }
    return common;
}

bool SnapshotDrives::any_has(std::string_view tag) const {
    return std::ranges::any_of(drives, [&](const auto &drive) { return drive.find(tag); });
}

SnapshotDrives snapshot_drives(const json &query_block) {
    SnapshotDrives result;
    if (!query_block.is_array())
        return result;
    for (const json &device : query_block) {
        const json *inserted = device.is_object() ? object_at(device, "inserted") : nullptr;
        if (!inserted || is_true(*inserted, "ro"))
            continue;
        std::string name = name_of_drive(device, *inserted);
        if (string_at(*inserted, "drv") != "raw")
            result.drives.push_back(
                {std::move(name), string_at(*inserted, "node-name"), snapshots_of(*inserted)});
        else if (!name.starts_with("pflash"))
            result.raw.push_back(std::move(name));
    }
    return result;
}

std::string tag_fault(std::string_view tag) {
    if (tag.empty())
        return "The tag of the snapshot is empty";
    if (tag.size() > kTagMax)
        return fmt::format("The tag is longer than {} bytes", kTagMax);
    if (!is_alphanumeric(tag.front()) ||
        !std::ranges::all_of(tag, [](char c) { return is_alphanumeric_or(c, "._-"); }))
        return "A tag is made of the letters A to Z and a to z, digits, '.', '_' and '-', and "
               "begins "
               "with a letter or a digit";
    if (tag.find_first_not_of("0123456789") == tag.npos)
        return "A tag of digits alone could be taken for the number of another snapshot; add a "
               "letter";
    return {};
}

std::expected<SnapshotJob, std::string> save_job(const SnapshotDrives &drives,
                                                 const std::string &vm, const std::string &tag) {
    if (auto why = unfit(drives, vm); !why.empty())
        return std::unexpected(std::move(why));
    if (drives.any_has(tag))
        return std::unexpected(
            fmt::format("VM '{}' has a snapshot '{}' already; delete it first", vm, tag));
    return SnapshotJob{"snapshot-save",
                       {{"tag", tag},
                        {"vmstate", drives.drives.front().node},
                        {"devices", nodes_of(drives.drives)}}};
}

std::expected<SnapshotJob, std::string> load_job(const SnapshotDrives &drives,
                                                 const std::string &vm, const std::string &tag) {
    if (!drives.any_has(tag))
        return no_such(drives, vm, tag);
    if (auto why = unfit(drives, vm); !why.empty())
        return std::unexpected(std::move(why));
    const SnapshotDrive *with_state = nullptr;
    for (const SnapshotDrive &drive : drives.drives) {
        const Snapshot *snapshot = drive.find(tag);
        if (!snapshot)
            return std::unexpected(
                fmt::format("Drive '{}' of VM '{}' has no snapshot '{}', though another drive has: "
                            "was it added since?",
                            drive.name, vm, tag));
        if (snapshot->vm_state_bytes)
            with_state = &drive;
    }
    if (!with_state)
        return std::unexpected(
            fmt::format("Snapshot '{}' of VM '{}' holds disks but no machine: apply it with "
                        "`qemu-img snapshot -a` while the VM is off",
                        tag, vm));
    return SnapshotJob{
        "snapshot-load",
        {{"tag", tag}, {"vmstate", with_state->node}, {"devices", nodes_of(drives.drives)}}};
}

std::expected<SnapshotJob, std::string> delete_job(const SnapshotDrives &drives,
                                                   const std::string &vm, const std::string &tag) {
    std::vector<SnapshotDrive> having;
    for (const SnapshotDrive &drive : drives.drives)
        if (drive.find(tag))
            having.push_back(drive);
    if (having.empty())
        return no_such(drives, vm, tag);
    return SnapshotJob{"snapshot-delete", {{"tag", tag}, {"devices", nodes_of(having)}}};
}

}  // namespace qemunit::bus
