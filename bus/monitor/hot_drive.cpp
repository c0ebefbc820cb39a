// SPDX-License-Identifier: MIT
#include "bus/monitor/hot_drive.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// A node name has 31 bytes (BlockDriverState in include/block/block_int-common.h of QEMU).
constexpr std::size_t kNameMax = 31 - kHotDriveIds.size();
constexpr std::size_t kSerialMax = 20;  // VIRTIO_BLK_ID_BYTES; what is longer is cut off

bool is_name_character(char c) {
    return is_alphanumeric_or(c, "._-");
}

// "pc-q35-7.2-machine" -> "pc-q35-7.2"
std::string_view machine_name(std::string_view type) {
    constexpr std::string_view kSuffix = "-machine";
    if (type.ends_with(kSuffix))
        type.remove_suffix(kSuffix.size());
    return type;
}

}  // namespace

std::string hot_drive_id(std::string_view name) {
    return fmt::format("{}{}", kHotDriveIds, name);
}

std::string hot_drive_name(std::string_view id) {
    return id.starts_with(kHotDriveIds) ? std::string(id.substr(kHotDriveIds.size())) : "";
}

std::string leaving_mark(std::string_view name) {
    return fmt::format("{}{}", kLeavingDrives, name);
}

json leaving_mark_arguments(std::string_view name) {
    return {{"driver", "null-co"}, {"node-name", leaving_mark(name)}, {"read-only", true}};
}

std::string hot_drive_label(std::string_view name, std::string_view origin) {
    return fmt::format("{}{}{}{}", kHotDriveLabels, name, origin.empty() ? "" : ":", origin);
}

bool is_image_of(const json &set, std::string_view name) {
    const auto fds = set.is_object() ? set.find("fds") : set.end();
    return fds != set.end() && fds->is_array() && std::ranges::any_of(*fds, [&](const json &fd) {
               const std::string label = fd.is_object() ? string_at(fd, "opaque") : "";
               const std::string begin = hot_drive_label(name);  // no name has a colon
               return label == begin || label.starts_with(begin + ":");
           });
}

std::string hot_drive_name_fault(std::string_view name) {
    if (name.empty())
        return "The name of the drive is empty";
    if (name.size() > kNameMax)
        return fmt::format("The name of the drive is longer than {} bytes", kNameMax);
    if (!std::ranges::all_of(name, is_name_character))
        return "The name of a drive is made of the letters A to Z and a to z, digits, '.', '_' "
               "and '-'";
    return {};
}

std::string hot_drive_serial_fault(std::string_view serial) {
    if (serial.size() > kSerialMax)
        return fmt::format("The serial number is longer than {} bytes", kSerialMax);
    if (!std::ranges::all_of(serial, [](char c) { return c > ' ' && c < '\x7f'; }))
        return "The serial number has other characters than ASCII's visible ones";
    return {};
}

std::map<std::string, std::string> qom_children(const json &qom_list) {
    constexpr std::string_view kBegin = "child<";
    std::map<std::string, std::string> children;
    if (qom_list.is_array())
        for (const json &property : qom_list) {
            const std::string type = property.is_object() ? string_at(property, "type") : "";
            if (type.starts_with(kBegin) && type.ends_with('>'))
                children[string_at(property, "name")] =
                    type.substr(kBegin.size(), type.size() - kBegin.size() - 1);
        }
    return children;
}

bool is_bus_taken(const json &qom_list) {
    return qom_list.is_array() && std::ranges::any_of(qom_list, [](const json &property) {
               return property.is_object() && string_at(property, "name").starts_with("child[");
           });
}

std::vector<std::string> pcie_root_ports(const HotPlugMachine &machine) {
    std::vector<std::string> ports;
    for (const auto &[id, type] : machine.devices)
        if (type == "pcie-root-port" || type == "ioh3420")
            ports.push_back(id);
    return ports;
}

std::expected<HotPlugPlace, std::string> hot_plug_place(const HotPlugMachine &machine,
                                                        const std::vector<std::string> &free_ports,
                                                        const std::string &vm,
                                                        std::string_view interface) {
    if (interface != "scsi" && machine.type.starts_with("pc-i440fx"))
        return HotPlugPlace{"virtio-blk-pci", "pci.0"};
    if (interface != "scsi" && !free_ports.empty())
        return HotPlugPlace{"virtio-blk-pci", free_ports.front()};
    for (const auto &[id, type] : machine.devices)
        if (interface != "virtio" && type.starts_with("virtio-scsi-"))
            return HotPlugPlace{"scsi-hd", id + ".0"};
    const std::string_view name = machine_name(machine.type);
    if (interface == "scsi")
        return std::unexpected(fmt::format(
            "VM '{}' has no virtio-scsi controller, which a drive with Interface=scsi brings at a "
            "start",
            vm));
    if (name == "microvm")
        return std::unexpected(
            fmt::format("VM '{}' has no place for another drive: the machine 'microvm' has no PCI; "
                        "with another "
                        "Machine= in [VM] of its ini, or a drive with Interface=scsi, it will have",
                        vm));
    const std::size_t ports = pcie_root_ports(machine).size();
    if (interface == "virtio")
        return std::unexpected(fmt::format(
            "VM '{}' has no place for another virtio drive: its machine, '{}', takes one in a PCIe "
            "root port, and it has {}; add HotPlugPorts={} to [VM] of its ini, and start it anew",
            vm, name, ports ? "none that is free" : "none", ports + 1));
    return std::unexpected(fmt::format(
        "VM '{0}' has no place for another drive: its machine, '{1}', takes one in a PCIe root "
        "port or on a virtio-scsi controller, and it has {2}; add HotPlugPorts={3} "
        "to [VM] of its ini, or a drive with Interface=scsi, and start it anew",
        vm, name, ports ? "no port that is free" : "neither", ports + 1));
}

json blockdev_arguments(const HotDrive &drive, const json &fd_set) {
    // QEMU looks in a set for a file with exactly the access mode that it needs.
    json arguments = {{"driver", drive.format},
                      {"node-name", hot_drive_id(drive.name)},
                      {"read-only", drive.read_only},
                      {"file",
                       {{"driver", drive.is_block_device ? "host_device" : "file"},
                        {"filename", fmt::format("/dev/fdset/{}", fd_set.dump())},
                        {"read-only", drive.is_file_read_only}}}};
    // Whatever backing file the header names by now, QEMU opens none.
    if (drive.format == "qcow2")
        arguments["backing"] = nullptr;
    if (drive.discard)
        arguments["discard"] = arguments["file"]["discard"] = "unmap";
    return arguments;
}

json device_arguments(const HotDrive &drive, const HotPlugPlace &place) {
    const std::string id = hot_drive_id(drive.name);
    json arguments = {{"driver", place.driver}, {"bus", place.bus}, {"drive", id}, {"id", id}};
    if (!drive.serial.empty())
        arguments["serial"] = drive.serial;
    // The guest's udev names a disk by this; one of the ini has it from QEMU, as the id of its
    // -drive (scsi_realize() in hw/scsi/scsi-disk.c).
    else if (place.driver == "scsi-hd")
        arguments["device_id"] = drive.name;
    return arguments;
}

}  // namespace qemunit::bus
