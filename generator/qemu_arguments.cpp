// SPDX-License-Identifier: MIT
#include "generator/qemu_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/paths.h"
#include "generator/machine.h"
#include "generator/option_value.h"
#include "generator/values.h"

namespace qemunit {

namespace {

// Controllers that QEMU gets once, when the first device needs them. Names that no
// section can have.
constexpr std::string_view kScsi = "qemunit-scsi";
constexpr std::string_view kAhci = "qemunit-ahci";
constexpr std::string_view kUsb = "qemunit-usb";
constexpr std::string_view kFloppy = "qemunit-floppy";
constexpr std::string_view kVirtioSerial = "qemunit-virtio-serial";

std::string size_text(MemorySize size) {
    constexpr uint64_t kMiB = 1 << 20;
    if (size.bytes % kMiB == 0)
        return fmt::format("{}M", size.bytes / kMiB);
    return fmt::format("{}B", size.bytes);
}

// The suffix decides, never the content: QEMU's probing lets a guest that owns a raw disk
// turn it into a qcow2 with any file of the host as its backing file.
std::string format_of(const Drive &drive) {
    if (drive.format)
        return drive.format->text;
    static constexpr std::pair<std::string_view, std::string_view> kBySuffix[] = {
        {".qcow2", "qcow2"}, {".qcow", "qcow"}, {".qed", "qed"}, {".vmdk", "vmdk"},
        {".vdi", "vdi"},     {".vhdx", "vhdx"}, {".vhd", "vpc"},
    };
    for (const auto &[suffix, format] : kBySuffix)
        if (drive.file && drive.file->text.ends_with(suffix))
            return std::string(format);
    return "raw";
}

// A stable address in QEMU's range, from the names (FNV-1a, 24 bits of it): a guest keeps
// its leases and its interface names over restarts.
std::string default_mac(const Vm &vm, const Network &network) {
    uint32_t hash = 2166136261u;
    for (char c : vm.name + "/" + network.name)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    hash ^= hash >> 24;
    return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", (hash >> 16) & 0xff, (hash >> 8) & 0xff,
                       hash & 0xff);
}

class CommandLine {
  public:
    CommandLine(const Vm &vm, Architecture host)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)) {}

    std::vector<std::string> build() {
        machine();
        boot();
        for (const Drive &drive : vm_.drives)
            add_drive(drive);
        for (const Network &network : vm_.networks)
            add_network(network);
        for (const Serial &serial : vm_.serials)
            add_serial(serial);
        display();
        for (const QemuWord &word : vm_.arguments)
            words_.push_back(word.text);
        return std::move(words_);
    }

  private:
    void add(std::string option, std::string value) {
        words_.push_back(std::move(option));
        words_.push_back(std::move(value));
    }
    void add_device(const OptionValue &device) { add("-device", device.text()); }

    // A controller, once.
    void need(std::string_view id, std::string_view model) {
        if (std::ranges::find(controllers_, id) != controllers_.end())
            return;
        controllers_.push_back(id);
        add_device(OptionValue(std::string(model)).add("id", id));
    }

    std::string virtio(std::string_view device) const {
        return fmt::format("virtio-{}-{}", device, traits_.has_pci ? "pci" : "device");
    }

    void machine() {
        words_.push_back(vm_.qemu ? vm_.qemu->text
                                  : fmt::format("{}/{}", kQemuBinDir, traits_.program));
        add("-name", OptionValue().add("guest", vm_.name).add("debug-threads", "on").text());
        words_.push_back("-nodefaults");
        words_.push_back("-no-user-config");
        add("-machine", traits_.machine);
        const bool is_native = vm_.architecture.value_or(host_) == host_;
        switch (vm_.accelerator) {
            case Accelerator::automatic:
                // In this order: QEMU takes the first that it can initialise.
                if (is_native)
                    add("-accel", "kvm");
                add("-accel", "tcg");
                break;
            case Accelerator::kvm:
                add("-accel", "kvm");
                break;
            case Accelerator::tcg:
                add("-accel", "tcg");
                break;
        }
        if (!vm_.cpu.empty())
            add("-cpu", vm_.cpu);
        else if (!traits_.cpu.empty())
            add("-cpu", std::string(traits_.cpu));
        add("-smp", fmt::to_string(vm_.cpus.value_or(CpuCount{1}).count));
        add("-m", size_text(vm_.memory.value_or(MemorySize{1u << 30})));
        if (vm_.uuid)
            add("-uuid", vm_.uuid->text);
    }

    void boot() {
        if (vm_.boot.kernel)
            add("-kernel", absolute_path(vm_, *vm_.boot.kernel));
        if (vm_.boot.initrd)
            add("-initrd", absolute_path(vm_, *vm_.boot.initrd));
        if (!vm_.boot.append.empty())
            add("-append", fmt::format("{}", fmt::join(vm_.boot.append, " ")));
    }

    void add_drive(const Drive &drive) {
        OptionValue backend;
        backend.add("if", "none").add("id", drive.name);
        if (drive.file)
            backend.add("file", absolute_path(vm_, *drive.file)).add("format", format_of(drive));
        if (drive.media == DriveMedia::cdrom)
            backend.add("media", "cdrom");
        if (drive.read_only)
            backend.add("readonly", "on");
        if (drive.ephemeral)
            backend.add("snapshot", "on");
        add("-drive", backend.text());

        const std::string_view kind = drive.media == DriveMedia::cdrom ? "cd" : "hd";
        switch (effective_interface(vm_, drive, host_)) {
            case DriveInterface::virtio:
                add_drive_device(drive, OptionValue(virtio("blk")));
                break;
            case DriveInterface::scsi:
                need(kScsi, virtio("scsi"));
                add_drive_device(drive, OptionValue(fmt::format("scsi-{}", kind))
                                            .add("bus", fmt::format("{}.0", kScsi)));
                break;
            case DriveInterface::nvme:
                // A controller of its own each; it refuses to start without a serial number.
                add_drive_device(drive, OptionValue("nvme").add("serial", drive.name));
                break;
            case DriveInterface::ide:
                add_drive_device(drive, ide_device(kind));
                break;
            case DriveInterface::sata:
                add_drive_device(drive, sata_device(kind));
                break;
            case DriveInterface::usb:
                need(kUsb, "qemu-xhci");
                add_drive_device(drive,
                                 OptionValue("usb-storage").add("bus", fmt::format("{}.0", kUsb)));
                break;
            case DriveInterface::floppy:
                if (traits_.disks != BuiltInDisks::ide)
                    need(kFloppy, "isa-fdc");
                add_drive_device(drive, OptionValue("floppy"));
                break;
        }
    }

    void add_drive_device(const Drive &drive, OptionValue device) {
        add_device(device.add("drive", drive.name).add("id", drive.name));
    }

    OptionValue ide_device(std::string_view kind) {
        OptionValue device(fmt::format("ide-{}", kind));
        if (traits_.disks == BuiltInDisks::ide) {
            device.add("bus", fmt::format("ide.{}", ide_drives_ / 2))
                .add("unit", fmt::to_string(ide_drives_ % 2));
            ++ide_drives_;
            return device;
        }
        return device.add("bus", fmt::format("ide.{}", ide_drives_++));
    }

    OptionValue sata_device(std::string_view kind) {
        if (traits_.disks == BuiltInDisks::ahci)
            return ide_device(kind);
        need(kAhci, "ahci");
        return OptionValue(fmt::format("ide-{}", kind))
            .add("bus", fmt::format("{}.{}", kAhci, sata_drives_++));
    }

    void add_network(const Network &network) {
        OptionValue backend(network.type == NetworkType::user ? "user" : "hubport");
        backend.add("id", network.name);
        if (network.type == NetworkType::none)
            backend.add("hubid", fmt::to_string(unconnected_++));
        for (const HostForward &forward : network.host_forwards)
            backend.add("hostfwd", forward.text);
        add("-netdev", backend.text());
        add_device(OptionValue(network.model ? network.model->text : virtio("net"))
                       .add("netdev", network.name)
                       .add("id", network.name)
                       .add("mac", network.mac ? network.mac->text : default_mac(vm_, network)));
    }

    void add_serial(const Serial &serial) {
        if (effective_type(vm_, serial, host_) == SerialType::isa) {
            add("-serial", "chardev:" + serial.name);
            return;
        }
        need(kVirtioSerial, virtio("serial"));
        add_device(OptionValue("virtconsole")
                       .add("bus", fmt::format("{}.0", kVirtioSerial))
                       .add("chardev", serial.name)
                       .add("id", serial.name));
    }

    void display() {
        if (vm_.display == Display::none) {
            add("-display", "none");
            return;
        }
        add("-vnc", OptionValue("unix:" + double_commas(state_dir(vm_.name) + "/vnc.sock")).text());
        add_device(OptionValue(traits_.has_isa ? "VGA" : virtio("gpu")));
        if (traits_.has_pci) {
            // A tablet, because a mouse without absolute coordinates drifts from the viewer's.
            need(kUsb, "qemu-xhci");
            add_device(OptionValue("usb-kbd").add("bus", fmt::format("{}.0", kUsb)));
            add_device(OptionValue("usb-tablet").add("bus", fmt::format("{}.0", kUsb)));
        }
    }

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    std::vector<std::string> words_;
    std::vector<std::string_view> controllers_;
    unsigned ide_drives_ = 0;
    unsigned sata_drives_ = 0;
    unsigned unconnected_ = 0;
};

}  // namespace

std::string absolute_path(const Vm &vm, const FilePath &path) {
    return path.text.starts_with('/') ? path.text : state_dir(vm.name) + "/" + path.text;
}

DriveInterface effective_interface(const Vm &vm, const Drive &drive, Architecture host) {
    if (drive.interface)
        return *drive.interface;
    if (drive.media == DriveMedia::disk)
        return DriveInterface::virtio;
    return machine_traits(vm, host).disks == BuiltInDisks::none ? DriveInterface::scsi
                                                                : DriveInterface::ide;
}

SerialType effective_type(const Vm &vm, const Serial &serial, Architecture host) {
    if (serial.type)
        return *serial.type;
    unsigned uarts = machine_traits(vm, host).uarts;
    for (const Serial &port : vm.serials) {
        const bool wants_uart = port.type.value_or(SerialType::isa) == SerialType::isa;
        if (&port == &serial)
            return uarts > 0 ? SerialType::isa : SerialType::virtio;
        if (wants_uart && uarts > 0)
            --uarts;
    }
    return SerialType::isa;
}

std::vector<std::string> qemu_arguments(const Vm &vm, Architecture host) {
    return CommandLine(vm, host).build();
}

}  // namespace qemunit
