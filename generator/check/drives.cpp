// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <bit>

#include "common/concat.h"
#include "generator/check/sections.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr unsigned kAhciPorts = 6;  // of q35's ich9-ahci, and of the ahci that others get
constexpr unsigned kIdeDrives = 4;  // of pc's piix3-ide: two channels, two drives each

class DriveChecker {
  public:
    DriveChecker(const Vm &vm, Architecture host, Findings &findings)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)), findings_(findings) {}

    void check(const Drive &drive) {
        const std::string section = "Drive " + drive.name;
        const bool is_cdrom = drive.media == DriveMedia::cdrom;
        if (!drive.file && !is_cdrom)
            findings_.error(section, "",
                            fmt::format("Section [{}] has no File=: which image is it?", section));
        if (is_cdrom && drive.interface &&
            (*drive.interface == DriveInterface::virtio ||
             *drive.interface == DriveInterface::nvme || *drive.interface == DriveInterface::sd ||
             *drive.interface == DriveInterface::floppy))
            findings_.error(
                section, "Media",
                "Media=cdrom needs Interface=ide, sata, scsi or usb; without Interface= one is "
                "chosen.");
        if (drive.file)
            check_place(section, "File", *drive.file);
        if (drive.backing_file)
            check_place(section, "BackingFile", *drive.backing_file);
        if (drive.is_made_by_us())
            check_making(section, drive);
        if (drive.backing_format && !drive.backing_file)
            findings_.error(section, "BackingFormat", "BackingFormat= needs BackingFile=.");
        if (!drive.backing_layers.empty() && !drive.backing_file)
            findings_.error(section, "BackingLayer",
                            "BackingLayer= is below BackingFile=, which is missing.");
        if (drive.aio == DriveAio::native && drive.cache != DriveCache::none &&
            drive.cache != DriveCache::directsync)
            findings_.error(section, "AIO", "AIO=native needs Cache=none or Cache=directsync.");
        const DriveInterface interface = effective_interface(vm_, drive, host_);
        check_interface(section, interface);
        check_drive_serial(section, drive, interface);
        for (const auto &[key, is_given] :
             {std::pair("IOThread", drive.iothread), std::pair("Queues", drive.queues.has_value())})
            if (is_given && interface != DriveInterface::virtio)
                findings_.error(section, key, fmt::format("{}= needs Interface=virtio.", key));
        check_limits(section, drive);
        if (interface == DriveInterface::sd && drive.size &&
            !std::has_single_bit(drive.size->bytes))
            findings_.error(section, "Size",
                            fmt::format("Size=: QEMU takes an SD card only if its size is a power "
                                        "of two; the next larger one is {} bytes.",
                                        std::bit_ceil(drive.size->bytes)));
        if (interface == DriveInterface::sd && drive.boot_index)
            findings_.error(
                section, "BootIndex",
                "BootIndex= is not for SD cards, from which the board boots by itself.");
        if (interface == DriveInterface::floppy && drive.boot_index)
            findings_.error(section, "BootIndex",
                            "BootIndex= is not for floppies; use Order= in [Boot].");
        if (drive.read_only && !is_cdrom &&
            (interface == DriveInterface::ide || interface == DriveInterface::sata))
            findings_.error(
                section, "ReadOnly",
                fmt::format("ReadOnly=yes: a disk with Interface={} is always writable; choose "
                            "another interface, or Ephemeral=yes.",
                            name_of(interface)));
    }

  private:
    // QEMU's other ways to write a disk, which would be taken for the name of a file.
    void check_place(const std::string &section, std::string_view key, const FilePath &file) {
        const std::string_view text = file.text;
        if (text.starts_with("~/"))
            return findings_.error(section, key,
                                   fmt::format("{}={}: write the home in full, as in /home/joe/{}.",
                                               key, shorten(text), shorten(text.substr(2))));
        for (const std::string_view scheme :
             {"nbd:", "nbd+unix:", "nbd+tcp:", "http:", "https:", "ftp:", "ftps:", "iscsi:", "rbd:",
              "ssh:", "nfs:", "gluster:", "json:", "fat:", "file:"})
            if (text.starts_with(scheme))
                return findings_.error(
                    section, key,
                    fmt::format("{}={}: a file or a block device only, and no {}; attach the disk "
                                "to the host first (qemu-nbd -c, rbd map, iscsiadm, mount).",
                                key, shorten(text), scheme));
    }

    void check_making(const std::string &section, const Drive &drive) {
        const std::string_view key = drive.size ? "Size" : "BackingFile";
        if (!drive.file)
            findings_.error(section, key, fmt::format("{}= needs File=.", key));
        else if (drive.file->text.starts_with("/dev/"))
            findings_.error(section, key,
                            fmt::format("{}=: a device in /dev cannot be made.", key));
        else if (continues_line(drive.file->text))
            findings_.error(section, "File", "The image's name must not end with a backslash.");
        else if (drive.backing_file && format_of(drive) != "qcow2")
            findings_.error(
                section, "BackingFile",
                fmt::format("BackingFile= needs Format=qcow2, or a File= that ends with .qcow2; "
                            "this image is {}.",
                            format_of(drive)));
        if (drive.media == DriveMedia::cdrom || drive.read_only)
            findings_.error(
                section, key,
                fmt::format("{}=: an empty medium that the guest cannot write is of no use.", key));
    }

    void check_limits(const std::string &section, const Drive &drive) {
        const auto check = [&](std::string_view kind, bool total, bool read, bool write) {
            const std::string key = concat(total ? "" : read ? "Read" : "Write", kind);
            if (drive.media == DriveMedia::cdrom && (total || read || write))
                findings_.error(section, key, fmt::format("{}=: limits are for disks.", key));
            else if (total && (read || write))
                findings_.error(
                    section, kind,
                    fmt::format("{0}= is for reading and writing together; write Read{0}= and "
                                "Write{0}= alone for a limit each.",
                                kind));
        };
        check("BandwidthMax", drive.bandwidth_max.has_value(), drive.read_bandwidth_max.has_value(),
              drive.write_bandwidth_max.has_value());
        check("IOPSMax", drive.iops_max.has_value(), drive.read_iops_max.has_value(),
              drive.write_iops_max.has_value());
    }

    // A serial number has no more characters than the standard of its bus has room for.
    void check_drive_serial(const std::string &section, const Drive &drive,
                            DriveInterface interface) {
        if (drive.serial.empty())
            return;
        const std::size_t room =
            interface == DriveInterface::floppy || interface == DriveInterface::sd  ? 0
            : interface == DriveInterface::scsi || interface == DriveInterface::usb ? 36
                                                                                    : 20;
        if (drive.serial.size() > room)
            findings_.error(
                section, "Serial",
                room == 0 ? fmt::format("Serial=: {} has no serial number.",
                                        interface == DriveInterface::sd ? "an SD card" : "a floppy")
                          : fmt::format("Serial={}: longer than {} characters, which is all "
                                        "that Interface={} has room for.",
                                        shorten(drive.serial), room, name_of(interface)));
    }

    void check_interface(const std::string &section, DriveInterface interface) {
        const auto refuse = [&](std::string_view why) {
            findings_.error(section, "Interface",
                            fmt::format("Interface={}: the machine '{}' has no {}.",
                                        name_of(interface), traits_.machine, why));
        };
        switch (interface) {
            case DriveInterface::virtio:
                break;
            case DriveInterface::scsi:  // virtio-scsi, on either bus
                break;
            case DriveInterface::nvme:
            case DriveInterface::usb:
                if (!traits_.has_pci)
                    refuse("PCI bus");
                break;
            case DriveInterface::sata:
                if (!traits_.has_pci)
                    refuse("PCI bus");
                else if (unsigned &used =
                             traits_.disks == BuiltInDisks::ahci ? ide_drives_ : sata_drives_;
                         ++used > kAhciPorts)
                    refuse(fmt::format("more than {} ports", kAhciPorts));
                break;
            case DriveInterface::ide:
                if (traits_.disks == BuiltInDisks::none)
                    refuse("IDE controller");
                else if (const unsigned room =
                             traits_.disks == BuiltInDisks::ahci ? kAhciPorts : kIdeDrives;
                         ++ide_drives_ > room)
                    refuse(fmt::format("room for more than {} drives", room));
                break;
            case DriveInterface::sd:  // what the board has, QEMU knows
                break;
            case DriveInterface::floppy:
                if (!traits_.has_isa)
                    refuse("ISA bus");
                break;
        }
    }

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    Findings &findings_;
    unsigned ide_drives_ = 0;
    unsigned sata_drives_ = 0;
};

}  // namespace

void check_drives(const Vm &vm, Architecture host, Findings &findings) {
    DriveChecker checker(vm, host, findings);
    for (const Drive &drive : vm.drives)
        checker.check(drive);
}

}  // namespace qemunit::generator
