// SPDX-License-Identifier: MIT
#include "generator/contradictions.h"

#include <fmt/format.h>

#include <map>

#include "common/paths.h"
#include "generator/machine.h"
#include "generator/qemu_arguments.h"
#include "generator/text.h"
#include "generator/values.h"

namespace qemunit {

namespace {

constexpr unsigned kFirstUnprivilegedPort = 1024;
constexpr std::size_t kSocketPathMax = 107;  // unix(7), sun_path without its NUL
constexpr unsigned kAhciPorts = 6;           // of q35's ich9-ahci, and of the ahci that others get
constexpr unsigned kIdeDrives = 4;           // of pc's piix3-ide: two channels, two drives each

class Checker {
  public:
    Checker(const Vm &vm, Architecture host, Diagnostics &diagnostics)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)), diagnostics_(diagnostics) {}

    void check() {
        if (continues_line(vm_.description))
            error("VM", "Description", "Description= must not end with a backslash.");
        if (!vm_.boot.kernel) {
            if (!vm_.boot.append.empty())
                error("Boot", "Append",
                      "Append= needs Kernel=: only QEMU's own loader hands it over.");
            if (vm_.boot.initrd)
                error("Boot", "Initrd",
                      "Initrd= needs Kernel=: only QEMU's own loader hands it over.");
        }
        for (const Drive &drive : vm_.drives)
            check_drive(drive);
        for (const Network &network : vm_.networks)
            check_network(network);
        for (const Serial &serial : vm_.serials)
            check_serial(serial);
        check_names();
    }

  private:
    void check_drive(const Drive &drive) {
        const std::string section = "Drive " + drive.name;
        const bool is_cdrom = drive.media == DriveMedia::cdrom;
        if (!drive.file && !is_cdrom)
            error(section, "",
                  fmt::format("Section [{}] has no File=: which image is it?", section));
        if (is_cdrom && drive.interface &&
            (*drive.interface == DriveInterface::virtio ||
             *drive.interface == DriveInterface::nvme ||
             *drive.interface == DriveInterface::floppy))
            error(section, "Media",
                  "Media=cdrom needs Interface=ide, sata, scsi or usb; without Interface= one is "
                  "chosen.");
        const DriveInterface interface = effective_interface(vm_, drive, host_);
        check_interface(section, interface);
        if (drive.read_only && !is_cdrom &&
            (interface == DriveInterface::ide || interface == DriveInterface::sata))
            error(section, "ReadOnly",
                  fmt::format("ReadOnly=yes: a disk with Interface={} is always writable; choose "
                              "another interface, or Ephemeral=yes.",
                              name_of(interface)));
    }

    void check_interface(const std::string &section, DriveInterface interface) {
        const auto refuse = [&](std::string_view why) {
            error(section, "Interface",
                  fmt::format("Interface={}: the machine '{}' has no {}.", name_of(interface),
                              traits_.machine, why));
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
            case DriveInterface::floppy:
                if (!traits_.has_isa)
                    refuse("ISA bus");
                break;
        }
    }

    void check_network(const Network &network) {
        const std::string section = "Network " + network.name;
        if (network.type == NetworkType::none && !network.host_forwards.empty())
            error(section, "HostForward", "HostForward= needs Type=user.");
        for (const HostForward &forward : network.host_forwards)
            if (forward.host_port < kFirstUnprivilegedPort)
                warn(section, "HostForward",
                     fmt::format(
                         "HostForward={}: QEMU runs unprivileged and may not open port {} of "
                         "the host, unless net.ipv4.ip_unprivileged_port_start allows it.",
                         forward.text, forward.host_port));
    }

    void check_serial(const Serial &serial) {
        const std::string section = "Serial " + serial.name;
        if (effective_type(vm_, serial, host_) == SerialType::isa && ++uarts_ > traits_.uarts)
            error(section, "Type",
                  fmt::format("Type=isa: the machine '{}' has room for {} such port{}; write "
                              "Type=virtio.",
                              traits_.machine, traits_.uarts, traits_.uarts == 1 ? "" : "s"));
        check_socket_path(section, serial.name);
        for (std::string_view taken : {"monitor", "qmp", "control", "companion"})
            if (serial.name == taken)
                error(section, "",
                      fmt::format("A serial port must not be called '{}': that socket is QEMU's.",
                                  taken));
    }

    void check_socket_path(const std::string &section, const std::string &name) {
        if (const std::string path = socket_path(vm_.name, name); path.size() > kSocketPathMax)
            error(
                section, "",
                fmt::format("The socket {} would have a path of more than {} characters: choose a "
                            "shorter name for the VM or for the port.",
                            path, kSocketPathMax));
    }

    // One name is one QEMU id, also over kinds of devices.
    void check_names() {
        std::map<std::string, std::string> sections;
        const auto check = [&](std::string_view kind, const auto &devices) {
            for (const auto &device : devices) {
                const std::string section = fmt::format("{} {}", kind, device.name);
                if (device.name.starts_with("qemunit-"))
                    error(section, "", "Device names that begin with 'qemunit-' are our own.");
                auto [it, is_new] = sections.try_emplace(device.name, section);
                if (!is_new)
                    error(section, "",
                          fmt::format(
                              "The name '{}' is taken by section [{}]: QEMU's ids are unique.",
                              device.name, it->second));
            }
        };
        check("Drive", vm_.drives);
        check("Network", vm_.networks);
        check("Serial", vm_.serials);
    }

    void error(std::string_view section, std::string_view key, std::string message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::error, std::move(message)});
    }
    void warn(std::string_view section, std::string_view key, std::string message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::warning, std::move(message)});
    }

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    unsigned ide_drives_ = 0;
    unsigned sata_drives_ = 0;
    unsigned uarts_ = 0;
    Diagnostics &diagnostics_;
};

}  // namespace

void find_contradictions(const Vm &vm, Architecture host, Diagnostics &diagnostics) {
    Checker(vm, host, diagnostics).check();
}

}  // namespace qemunit
