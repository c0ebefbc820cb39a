// SPDX-License-Identifier: MIT
#include "bus/monitor/drive_size.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "bus/monitor/drive_devices.h"
#include "bus/monitor/members.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr uint64_t kSector = 512;
constexpr char kHeld[] = "its state is being saved, moved or restored";

std::string status_in(const json &answer) {
    return answer.is_object() ? string_at(answer, "status") : "";
}

std::expected<DriveSize, std::string> size_of(const json &device, std::string_view name,
                                              const std::string &vm) {
    const json *inserted = json_member(device, "inserted");
    if (!inserted || !inserted->is_object())
        return std::unexpected(fmt::format("drive '{}' of VM '{}' is empty", name, vm));
    if (json_flag(*inserted, "ro"))
        return std::unexpected(
            fmt::format("drive '{}' of VM '{}' is read-only, and stays as it is", name, vm));
    if (is_ephemeral(*inserted))
        return std::unexpected(
            fmt::format("drive '{}' of VM '{}' has Ephemeral=yes: what is changed now is thrown "
                        "away when the VM ends; its image can be made larger while the VM is off",
                        name, vm));
    const json *image = json_member(*inserted, "image");
    return DriveSize{string_at(*inserted, "node-name"),
                     image ? json_number(*image, "virtual-size") : 0, string_at(device, "qdev")};
}

}  // namespace

std::expected<DriveSize, std::string> drive_size(const json &query_block, std::string_view name,
                                                 const std::string &vm) {
    std::vector<std::string> names;
    if (query_block.is_array())
        for (const json &device : query_block) {
            std::string its_name = drive_name(device);
            if (its_name == name)
                return size_of(device, name, vm);
            if (!its_name.empty())
                names.push_back(std::move(its_name));
        }
    return std::unexpected(
        fmt::format("VM '{}' has no drive '{}'; it has {}", vm, name,
                    names.empty() ? "none" : fmt::to_string(fmt::join(names, ", "))));
}

std::string migration_hold(const json &status, const json &migration) {
    constexpr std::string_view kOver[] = {"", "none", "completed", "failed", "cancelled"};
    const std::string run = status_in(status), move = status_in(migration);
    if (run == "inmigrate" || run == "postmigrate" || run == "finish-migrate" || run == "colo")
        return kHeld;
    if (std::ranges::find(kOver, move) == std::end(kOver))
        return "its state is being saved or moved";
    return "";
}

std::string image_hold(const json &status, const json &migration) {
    const std::string run = status_in(status), move = status_in(migration);
    if (run == "restore-vm" || run == "save-vm")
        return kHeld;
    if (std::string why = migration_hold(status, migration);
        !why.empty() || move.empty() || move == "none")
        return why;
    // With late-block-activate, images of a guest that has come here are opened when the guest
    // runs.
    const bool runs = status.is_object() && json_flag(status, "running");
    return runs ? "" : "it has been saved or moved, and has not run since; resume it first";
}

std::string drive_size_fault(const DriveSize &drive, uint64_t bytes) {
    if (bytes % kSector != 0)
        return fmt::format("The size of a drive is a multiple of {} bytes, which {} is not",
                           kSector, bytes);
    if (bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return fmt::format("{} bytes are more than a drive can have", bytes);
    if (bytes < drive.bytes)
        return fmt::format(
            "The drive has {} bytes, and a smaller one, of {}, would lose what is at its end; "
            "drives only grow",
            drive.bytes, bytes);
    return "";
}

bool may_be_card(const DriveSize &drive) {
    return drive.device.starts_with('/') && !drive.device.starts_with("/machine/peripheral/");
}

std::string card_size_fault(uint64_t bytes) {
    return std::has_single_bit(bytes)
               ? ""
               : fmt::format(
                     "An SD card has a size that is a power of two, which {} bytes are not: QEMU "
                     "would not start with it; the next larger one has {}",
                     bytes, std::bit_ceil(bytes));
}

}  // namespace qemunit::bus
