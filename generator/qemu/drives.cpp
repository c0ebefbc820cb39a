// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "common/concat.h"
#include "common/drive_nodes.h"
#include "common/shared_names.h"
#include "generator/qemu/devices.h"
#include "generator/qemu/drive_files.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"

namespace qemunit::generator {

namespace {

OptionValue ide_device(CommandLine &line, std::string_view kind) {
    const unsigned place = line.next_ide_drive();
    OptionValue device(concat("ide-", kind));
    if (line.traits().disks == BuiltInDisks::ide)
        return device.add("bus", fmt::format("ide.{}", place / 2))
            .add("unit", fmt::to_string(place % 2));
    return device.add("bus", fmt::format("ide.{}", place));
}

OptionValue sata_device(CommandLine &line, std::string_view kind) {
    if (line.traits().disks == BuiltInDisks::ahci)
        return ide_device(line, kind);
    const std::string_view controller = line.ahci();
    return OptionValue(concat("ide-", kind))
        .add("bus", fmt::format("{}.{}", controller, line.next_ahci_drive()));
}

OptionValue device_model(CommandLine &line, const Drive &drive) {
    const std::string_view kind = drive.media == DriveMedia::cdrom ? "cd" : "hd";
    switch (effective_interface(line.vm(), drive, line.host())) {
        case DriveInterface::virtio:
            return OptionValue(line.virtio("blk"));
        case DriveInterface::scsi:
            return OptionValue(concat("scsi-", kind)).add("bus", concat(line.scsi(), ".0"));
        case DriveInterface::nvme:  // a controller of its own each
            return OptionValue("nvme");
        case DriveInterface::ide:
            return ide_device(line, kind);
        case DriveInterface::sata:
            return sata_device(line, kind);
        case DriveInterface::usb:
            return OptionValue("usb-storage").add("bus", concat(line.usb(), ".0"));
        case DriveInterface::sd:  // in the machine's own slot
        case DriveInterface::floppy:
            break;
    }
    if (line.traits().disks != BuiltInDisks::ide)
        line.need_floppy_controller();
    return OptionValue("floppy");
}

OptionValue drive_back_end(const CommandLine &line, const Drive &drive) {
    OptionValue option;
    const bool is_sd = effective_interface(line.vm(), drive, line.host()) == DriveInterface::sd;
    option.add("if", is_sd ? "sd" : "none").add("id", drive.name);
    // The helper gives QEMU the files, open. auto-read-only would have QEMU open an image twice,
    // for which a set has to hold two descriptors, and the locks of the first would stay.
    if (drive.file)
        option.add("file.filename", fd_set_path(fd_set_of(line.vm(), drive)))
            .add("format", format_of(drive))
            .add("node-name", image_node(drive.name))
            .add("file.node-name", file_node(drive.name))
            .add("auto-read-only", "off");
    if (drive.media == DriveMedia::cdrom)
        option.add("media", "cdrom");
    if (drive.read_only)
        option.add("readonly", "on");
    if (drive.ephemeral)
        option.add("snapshot", "on");
    if (drive.file && drive.cache)
        option.add("cache", name_of(*drive.cache));
    if (drive.file && discards(line.vm(), drive))
        option.add("discard", "unmap");
    if (drive.file && drive.aio)
        option.add("aio", name_of(*drive.aio));
    for (const auto &[key, rate] : {std::pair("bps-total", drive.bandwidth_max),
                                    {"bps-read", drive.read_bandwidth_max},
                                    {"bps-write", drive.write_bandwidth_max},
                                    {"iops-total", drive.iops_max},
                                    {"iops-read", drive.read_iops_max},
                                    {"iops-write", drive.write_iops_max}})
        if (rate)
            option.add(concat("throttling.", key), fmt::to_string(rate->number));
    return option;
}

}  // namespace

void add_drive(CommandLine &line, const Drive &drive) {
    line.add("-drive", drive_back_end(line, drive));
    if (effective_interface(line.vm(), drive, line.host()) == DriveInterface::sd)
        return;
    const std::string thread = concat(kIoThreadIds, drive.name);
    if (drive.iothread)
        line.add("-object", OptionValue("iothread").add("id", thread));
    OptionValue device = device_model(line, drive);
    device.add("drive", drive.name).add("id", drive.name);
    const bool is_nvme = effective_interface(line.vm(), drive, line.host()) == DriveInterface::nvme;
    if (!drive.serial.empty())
        device.add("serial", drive.serial);
    else if (is_nvme)  // which refuses to start without one
        device.add("serial", drive.name);
    if (const auto index = boot_index(line.vm(), drive.name, drive.boot_index))
        device.add("bootindex", fmt::to_string(*index));
    if (drive.iothread)
        device.add("iothread", thread);
    if (drive.queues)
        device.add("num-queues", fmt::to_string(drive.queues->number));
    line.add_device(std::move(device));
}

}  // namespace qemunit::generator
