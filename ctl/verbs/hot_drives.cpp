// SPDX-License-Identifier: MIT
#include "ctl/verbs/hot_drives.h"

#include <algorithm>
#include <utility>

#include "common/concat.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/utf8.h"
#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;

constexpr std::string_view kPeripheral = "/machine/peripheral/";
constexpr std::string_view kDriveKeys[] = {"if",     "id",       "file.filename",
                                           "format", "readonly", "discard"};
constexpr std::string_view kDeviceKeys[] = {"drive", "id", "serial", "bus"};
constexpr std::size_t kNameMax = 31 - kHotDriveIds.size();  // of a block node

// Whether all the parts behind the first `from` have one of these keys.
template <std::size_t N>
bool has_only(const std::vector<std::string> &parts, std::size_t from,
              const std::string_view (&keys)[N]) {
    return std::all_of(parts.begin() + static_cast<std::ptrdiff_t>(std::min(from, parts.size())),
                       parts.end(), [&](const std::string &part) {
                           const std::string_view key =
                               std::string_view(part).substr(0, part.find('='));
                           return std::ranges::find(keys, key) != std::end(keys);
                       });
}

std::string interface_of(const QemuOption &device) {
    const std::string &model = device.parts.front();
    // The bus of one is QEMU's to choose, that of the other the controller of all drives.
    if (model == "virtio-blk-pci" && device.part("bus").empty())
        return "virtio";
    if (model == "scsi-hd" && !device.part("bus").empty())
        return "scsi";
    return "";
}

// "/dev/fdset/3"
bool is_file_of_set(const json &block, const json &set) {
    const json inserted = block.value("inserted", json());
    return inserted.is_object() &&
           string_at(inserted, "file") == "/dev/fdset/" + set.value("fdset-id", json()).dump();
}

}  // namespace

std::optional<HotDrive> hot_drive(const QemuOption &drive, const QemuOption &device,
                                  const DriveFiles &files) {
    HotDrive hot{.name = drive.part("id"),
                 .path = drive.part("file.filename"),
                 .format = drive.part("format"),
                 .serial = device.part("serial"),
                 .interface = interface_of(device),
                 .read_only = drive.part("readonly") == "on",
                 .discard = drive.part("discard") == "unmap",
                 .origin = concat(drive.value, " ", device.value)};
    if (drive.part("if") != "none" || hot.path.empty() || hot.interface.empty() ||
        hot.name.size() > kNameMax || (hot.format != "raw" && hot.format != "qcow2") ||
        !has_only(drive.parts, 0, kDriveKeys) || !has_only(device.parts, 1, kDeviceKeys) ||
        files.layered.contains(hot.name) ||
        !is_whole_utf8(hot.origin))  // D-Bus carries nothing else
        return std::nullopt;
    hot.format_is_guessed = files.guessed.contains(hot.name);
    hot.is_made = files.made.contains(hot.path);
    return hot;
}

std::optional<HotDrive> drive_of_origin(std::string_view origin) {
    for (const std::string_view model : {" virtio-blk-pci,", " scsi-hd,"}) {
        const std::size_t at = origin.rfind(model);
        if (at == origin.npos)
            continue;
        QemuOption drive{.name = "-drive", .value = {}, .parts = split_parts(origin.substr(0, at))};
        QemuOption device{
            .name = "-device", .value = {}, .parts = split_parts(origin.substr(at + 1))};
        const std::string older = drive.part("file");
        return HotDrive{.name = {},
                        .path = older.empty() ? drive.part("file.filename") : older,
                        .format = drive.part("format"),
                        .serial = device.part("serial"),
                        .interface = model == " scsi-hd," ? "scsi" : "virtio",
                        .read_only = drive.part("readonly") == "on",
                        .discard = drive.part("discard") == "unmap",
                        .origin = std::string(origin),
                        .size = {}};
    }
    return std::nullopt;
}

std::vector<std::string> differing_keys(const HotDrive &a, const HotDrive &b) {
    std::vector<std::string> keys;
    for (const auto &[key, is_same] : {std::pair("File=", a.path == b.path),
                                       {"Format=", a.format == b.format},
                                       {"Interface=", a.interface == b.interface},
                                       {"Serial=", a.serial == b.serial},
                                       {"ReadOnly=", a.read_only == b.read_only},
                                       {"Discard=", a.discard == b.discard}})
        if (!is_same)
            keys.emplace_back(key);
    return keys;
}

std::string device_of(const HotDrive &drive) {
    const std::string id = concat(kHotDriveIds, drive.name);
    return drive.interface == "virtio" ? concat(kPeripheral, id, "/virtio-backend") : id;
}

bool is_attached_drive(const json &block, std::string_view name) {
    if (!block.is_object())
        return false;
    // "/machine/peripheral/ID/virtio-backend" of a virtio drive, "ID" of others.
    std::string device = string_at(block, "qdev");
    if (device.starts_with(kPeripheral))
        device.erase(0, kPeripheral.size());
    return std::string_view(device).substr(0, device.find('/')) == concat(kHotDriveIds, name);
}

std::optional<uint64_t> size_of_attached(const json &blocks, std::string_view name) {
    const json::json_pointer size("/inserted/image/virtual-size");
    if (blocks.is_array())
        for (const json &block : blocks)
            if (is_attached_drive(block, name) && block.contains(size) &&
                block[size].is_number_unsigned())
                return block[size].get<uint64_t>();
    return std::nullopt;
}

std::map<std::string, std::string> attached_drives(const json &fd_sets, const json &blocks) {
    std::map<std::string, std::string> drives;
    if (!fd_sets.is_array() || !blocks.is_array())
        return drives;
    for (const json &set : fd_sets)
        for (const json &fd : set.is_object() ? set.value("fds", json::array()) : json::array()) {
            std::string label = fd.is_object() ? string_at(fd, "opaque") : "";
            if (!label.starts_with(kHotDriveLabels))
                continue;
            label.erase(0, kHotDriveLabels.size());
            const std::string name = label.substr(0, label.find(':'));
            // The image of one that the guest has let go may still be open.
            const auto its_block = std::ranges::find_if(
                blocks, [&](const json &block) { return is_attached_drive(block, name); });
            // Nor is the image of an earlier drive of that name the one in use.
            if (its_block != blocks.end() &&
                (!drives.contains(name) || is_file_of_set(*its_block, set)))
                drives[name] = label.substr(std::min(name.size() + 1, label.size()));
        }
    return drives;
}

}  // namespace qemunit::ctl
