// SPDX-License-Identifier: MIT
#include "bus/backup/backup_disks.h"

#include <fmt/format.h>

#include <algorithm>

#include "bus/monitor/drive_devices.h"
#include "bus/monitor/hot_drive.h"
#include "bus/monitor/members.h"
#include "common/ascii.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr std::size_t kNameMax = 64;

bool is_in(const std::vector<std::string> &names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// "/machine/peripheral/qemunit-hot-data/virtio-backend" -> "data", which is the name that the drive
// has at the next start if it has come into the ini.
std::string name_of_device(std::string_view path) {
    constexpr std::string_view kPeripheral = "/machine/peripheral/";
    if (path.starts_with(kPeripheral))
        path.remove_prefix(kPeripheral.size());
    const std::string_view id = path.substr(0, path.find('/'));
    const std::string hot = hot_drive_name(id);
    return hot.empty() ? std::string(id) : hot;
}

bool is_of_version_3(const json &inserted) {
    const json *image = json_member(inserted, "image");
    const json *specific = image ? json_member(*image, "format-specific") : nullptr;
    const json *data = specific ? json_member(*specific, "data") : nullptr;
    return string_at(inserted, "drv") == "qcow2" && data && string_at(*data, "compat") == "1.1";
}

void take_bitmaps(const json &inserted, BackupDisk &disk) {
    const json *bitmaps = json_member(inserted, "dirty-bitmaps");
    if (!bitmaps || !bitmaps->is_array())
        return;
    for (const json &bitmap : *bitmaps) {
        std::string name = bitmap.is_object() ? string_at(bitmap, "name") : "";
        if (!name.starts_with(kCheckpointBitmaps))
            continue;
        name.erase(0, kCheckpointBitmaps.size());
        const bool is_good = json_flag(bitmap, "recording") && !json_flag(bitmap, "inconsistent");
        (is_good ? disk.checkpoints : disk.broken).push_back(std::move(name));
    }
    std::ranges::sort(disk.checkpoints);
}

}  // namespace

std::expected<std::vector<BackupDisk>, std::string> backup_disks(const json &query_block) {
    std::vector<BackupDisk> disks;
    bool has_disk = false;
    if (query_block.is_array())
        for (const json &device : query_block) {
            const json *inserted = json_member(device, "inserted");
            if (!inserted || !inserted->is_object() || json_flag(*inserted, "ro") ||
                is_ephemeral(*inserted))
                continue;
            const json *image = json_member(*inserted, "image");
            BackupDisk disk{.name = string_at(device, "device"),
                            .node = string_at(*inserted, "node-name"),
                            .device = string_at(device, "qdev"),
                            .format = string_at(*inserted, "drv"),
                            .size = image ? json_number(*image, "virtual-size") : 0,
                            .keeps_checkpoints = is_of_version_3(*inserted)};
            disk.is_variables = disk.name.starts_with("pflash");
            if (disk.is_variables)
                disk.name = kVariablesName;
            else if (disk.name.empty())
                disk.name = name_of_device(disk.device);
            if (disk.is_variables)
                disk.device.clear();
            else if (disk.device.empty())
                continue;  // no device has it
            if (disk.name.empty() || disk.name.size() > kNameMax || disk.name.starts_with('.') ||
                !std::ranges::all_of(disk.name,
                                     [](char c) { return is_alphanumeric_or(c, "._-"); }))
                return std::unexpected(
                    fmt::format("the disk '{}' has a name that no file of a backup can have; give "
                                "it an id of letters, digits, '.', '_' and '-'",
                                disk.name));
            take_bitmaps(*inserted, disk);
            has_disk = has_disk || !disk.is_variables;
            disks.push_back(std::move(disk));
        }
    if (!has_disk)
        return std::unexpected("it has no disk that it writes and keeps");
    return disks;
}

std::string checkpoint_bitmap(std::string_view checkpoint) {
    return fmt::format("{}{}", kCheckpointBitmaps, checkpoint);
}

bool is_checkpoint_name(std::string_view text) {
    return !text.empty() && text.size() <= kNameMax &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric_or(c, "-"); });
}

std::string unknown_checkpoint(const std::vector<BackupDisk> &disks, std::string_view checkpoint) {
    for (const BackupDisk &disk : disks) {
        if (disk.is_variables || is_in(disk.checkpoints, checkpoint))
            continue;
        if (is_in(disk.broken, checkpoint))
            return fmt::format(
                "disk '{}' was not closed in order since then, so that some changes "
                "are not known",
                disk.name);
        return disk.keeps_checkpoints
                   ? fmt::format("disk '{}' does not know it", disk.name)
                   : fmt::format(
                         "disk '{}' does not know it: only qcow2 images of version 3 keep "
                         "checkpoints over a start of the VM",
                         disk.name);
    }
    return "";
}

uint64_t scratch_limit(uint64_t size, uint64_t available, std::size_t disks) {
    // qcow2 has, for each cluster of 64 KiB, 8 bytes in a table and 2 in another one.
    const uint64_t most = size + size / 4096 + (1u << 20);
    const uint64_t share = available / 2 / std::max<std::size_t>(disks, 1);
    return std::min(most, share) / 65536 * 65536;
}

}  // namespace qemunit::bus
