// SPDX-License-Identifier: MIT
#include "generator/contradictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/guest_credentials.h"
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
        check_machine();
        check_ready();
        if (vm_.idle_timeout && vm_.idle_timeout->seconds == 0 && vm_.idle_timeout->text != "0")
            error("VM", "IdleTimeout",
                  fmt::format("IdleTimeout={}: too short; write 1s or more, or 0 for never.",
                              vm_.idle_timeout->text));
        for (const Drive &drive : vm_.drives)
            check_drive(drive);
        for (const Network &network : vm_.networks)
            check_network(network);
        for (const Serial &serial : vm_.serials)
            check_serial(serial);
        for (const Channel &channel : vm_.channels)
            check_socket("Channel " + channel.name, "A channel", channel.name);
        for (const Share &share : vm_.shares)
            check_share(share);
        for (const Credential &credential : vm_.credentials)
            check_credential(credential);
        check_boot_order();
        check_names();
    }

  private:
    void check_machine() {
        if (vm_.keyboard && vm_.display == Display::none)
            error("VM", "Keyboard", "Keyboard= needs Display=vnc.");
        if (vm_.tpm && traits_.tpm.empty())
            error(
                "VM", "TPM",
                fmt::format("TPM=yes: the machine '{}' has no place for a TPM.", traits_.machine));
        if (vm_.watchdog != WatchdogAction::no && !traits_.has_pci)
            error("VM", "Watchdog",
                  fmt::format("Watchdog={}: the machine '{}' has no PCI bus for it.",
                              name_of(vm_.watchdog), traits_.machine));
        check_hibernation();
        if (vm_.on_panic && !traits_.has_pci)
            error("VM", "OnPanic",
                  fmt::format("OnPanic={}: the machine '{}' has no PCI bus for the panic device.",
                              name_of(*vm_.on_panic), traits_.machine));
    }

    void check_hibernation() {
        if (vm_.stop != StopAction::hibernate)
            return;
        if (!vm_.load_snapshot.empty())
            error("VM", "LoadSnapshot",
                  "LoadSnapshot= and Stop=hibernate exclude each other: the VM can start from one "
                  "state only.");
        for (const Drive &drive : vm_.drives)
            if (drive.ephemeral)
                error("Drive " + drive.name, "Ephemeral",
                      "Ephemeral=yes and Stop=hibernate exclude each other: what the guest wrote "
                      "would be missing when it resumes.");
        for (const Share &share : vm_.shares)
            if (share.type == ShareType::virtiofs)
                warn("Share " + share.name, "Type",
                     "Type=virtiofs: QEMU cannot save such a share; instead of hibernating, the "
                     "guest is shut down.");
    }

    void check_ready() {
        if (vm_.ready.thing == ReadyWhen::Thing::agent && !vm_.guest_agent)
            error("VM", "Ready", "Ready=agent needs GuestAgent=yes.");
        if (vm_.ready.thing == ReadyWhen::Thing::serial_line && vm_.serials.front().direct)
            error("VM", "Ready",
                  "Ready=serial: needs the relay of the first serial port; take Direct=yes out of "
                  "[Serial serial].");
        if (vm_.ready.thing != ReadyWhen::Thing::notice)
            return;
        if (!vm_.vsock_cid)
            error("VM", "Ready", "Ready=notify needs VSockCID=, by which the guest says it.");
        if (!vm_.load_snapshot.empty())
            error("VM", "Ready",
                  "Ready=notify and LoadSnapshot= exclude each other: a guest in a snapshot says "
                  "that it is up to a VM that has ended.");
        for (const Credential &credential : vm_.credentials)
            if (credential.name == kNotifySocketCredential)
                error("Credential " + credential.name, "",
                      "[Credential vmm.notify_socket] and Ready=notify exclude each other: the "
                      "guest has one place to say that it is up.");
    }

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
        if (drive.is_made_by_us())
            check_making(section, drive);
        if (drive.aio == DriveAio::native && drive.cache != DriveCache::none &&
            drive.cache != DriveCache::directsync)
            error(section, "AIO", "AIO=native needs Cache=none or Cache=directsync.");
        const DriveInterface interface = effective_interface(vm_, drive, host_);
        check_interface(section, interface);
        check_drive_serial(section, drive, interface);
        if (interface == DriveInterface::floppy && drive.boot_index)
            error(section, "BootIndex", "BootIndex= is not for floppies; use Order= in [Boot].");
        if (drive.read_only && !is_cdrom &&
            (interface == DriveInterface::ide || interface == DriveInterface::sata))
            error(section, "ReadOnly",
                  fmt::format("ReadOnly=yes: a disk with Interface={} is always writable; choose "
                              "another interface, or Ephemeral=yes.",
                              name_of(interface)));
    }

    void check_making(const std::string &section, const Drive &drive) {
        const std::string_view key = drive.size ? "Size" : "BackingFile";
        if (!drive.file)
            error(section, key, fmt::format("{}= needs File=.", key));
        else if (drive.file->text.starts_with("/dev/"))
            error(section, key, fmt::format("{}=: a device in /dev cannot be made.", key));
        else if (continues_line(drive.file->text))
            error(section, "File", "The image's name must not end with a backslash.");
        else if (drive.backing_file && format_of(drive) != "qcow2")
            error(section, "BackingFile",
                  fmt::format("BackingFile= needs Format=qcow2, or a File= that ends with .qcow2; "
                              "this image is {}.",
                              format_of(drive)));
        if (drive.media == DriveMedia::cdrom || drive.read_only)
            error(
                section, key,
                fmt::format("{}=: an empty medium that the guest cannot write is of no use.", key));
    }

    // What the standards of each bus have room for.
    void check_drive_serial(const std::string &section, const Drive &drive,
                            DriveInterface interface) {
        if (drive.serial.empty())
            return;
        const std::size_t room =
            interface == DriveInterface::floppy                                     ? 0
            : interface == DriveInterface::scsi || interface == DriveInterface::usb ? 36
                                                                                    : 20;
        if (drive.serial.size() > room)
            error(section, "Serial",
                  room == 0 ? "Serial=: a floppy has no serial number."
                            : fmt::format("Serial={}: longer than {} characters, which is all "
                                          "that Interface={} has room for.",
                                          shorten(drive.serial), room, name_of(interface)));
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
        const bool is_user = network.type == NetworkType::user;
        const bool is_passt = network.type == NetworkType::passt;
        const bool is_tap = network.type == NetworkType::tap || network.type == NetworkType::bridge;
        if (!is_user && !is_passt && !network.host_forwards.empty())
            error(section, "HostForward", "HostForward= needs Type=user or Type=passt.");
        if (!is_user && network.restricted)
            error(section, "Restrict", "Restrict= needs Type=user.");
        if (!is_tap && network.interface)
            error(section, "Interface", "Interface= needs Type=tap or Type=bridge.");
        if (network.type == NetworkType::bridge && !network.bridge)
            error(section, "Type", "Type=bridge needs Bridge=: which bridge of the host is it?");
        if (network.type != NetworkType::bridge && network.bridge)
            error(section, "Bridge", "Bridge= needs Type=bridge.");
        if (is_tap)
            check_taken(interfaces_, tap_name(vm_, network), section, "Interface", "The interface");
        if (is_passt)
            check_path(section, vm_.paths.passt_socket(vm_.name, network.name));
        check_taken(addresses_, mac_address(vm_, network), section, "MAC", "The address");
        for (const HostForward &forward : network.host_forwards) {
            const std::string assignment = "HostForward=" + forward.text;
            check_forward(section, forward);
            if (is_passt && !forward.guest_address.empty())
                error(section, assignment,
                      fmt::format("{}: with Type=passt, a forward has no guest address.",
                                  assignment));
        }
        for (const HostForward &forward : network.host_forwards)
            if (forward.host_port < kFirstUnprivilegedPort)
                warn(section, "HostForward=" + forward.text,
                     fmt::format("HostForward={}: {} runs unprivileged and may not open port {} of "
                                 "the host, unless net.ipv4.ip_unprivileged_port_start allows it.",
                                 forward.text, is_passt ? "passt" : "QEMU", forward.host_port));
    }

    // An address that is empty or 0.0.0.0 stands for all of the host's.
    void check_forward(const std::string &section, const HostForward &forward) {
        for (const HostForward *other : forwards_)
            if (other->protocol == forward.protocol && other->host_port == forward.host_port &&
                (other->host_address == forward.host_address || other->is_for_all_addresses() ||
                 forward.is_for_all_addresses()))
                error(
                    section, "HostForward=" + forward.text,
                    fmt::format("HostForward={}: HostForward={} has that port of the host already.",
                                forward.text, other->text));
        forwards_.push_back(&forward);
    }

    void check_serial(const Serial &serial) {
        const std::string section = "Serial " + serial.name;
        if (effective_type(vm_, serial, host_) == SerialType::isa && ++uarts_ > traits_.uarts)
            error(section, "Type",
                  fmt::format("Type=isa: the machine '{}' has room for {} such port{}; write "
                              "Type=virtio.",
                              traits_.machine, traits_.uarts, traits_.uarts == 1 ? "" : "s"));
        check_socket(section, "A serial port", serial.name);
    }

    void check_socket(const std::string &section, std::string_view what, const std::string &name) {
        check_path(section, vm_.paths.socket_path(vm_.name, name));
        for (std::string_view taken : {"monitor", "qmp", "control", "companion"})
            if (name == taken)
                error(
                    section, "",
                    fmt::format("{} must not be called '{}': that socket is QEMU's.", what, taken));
        if (name == kGuestAgentSocket && vm_.guest_agent)
            error(section, "",
                  fmt::format("{} must not be called '{}': that socket is the guest agent's.", what,
                              name));
    }

    void check_path(const std::string &section, const std::string &path) {
        if (path.size() > kSocketPathMax)
            error(section, "",
                  fmt::format("The socket {} would have a path of more than {} characters: choose "
                              "a shorter name for the VM or for the device.",
                              path, kSocketPathMax));
    }

    void check_share(const Share &share) {
        const std::string section = "Share " + share.name;
        if (!share.path)
            error(section, "",
                  fmt::format("Section [{}] has no Path=: which folder is it?", section));
        const bool is_vfat = share.type == ShareType::vfat;
        if (is_vfat && share.tag)
            error(section, "Tag", "Tag= is not for Type=vfat, which the guest sees as a disk.");
        if (is_vfat && share.root)
            error(section, "Root", "Root= needs Type=9p or Type=virtiofs.");
        if (!is_vfat) {
            // virtio-9p's MAX_TAG_LEN, virtio_fs_config's tag.
            const std::size_t room = share.type == ShareType::ninep ? 31 : 36;
            const std::string tag(effective_tag(share));
            if (tag.size() > room)
                error(section, "Tag",
                      fmt::format("Tag={}: longer than {} characters.", shorten(tag), room));
            check_taken(tags_, tag, section, "Tag", "The tag");
        }
        if (share.type == ShareType::virtiofs)
            check_path(section, vm_.paths.virtiofs_socket(vm_.name, share.name));
        if (!share.root)
            return;
        if (!vm_.boot.kernel)
            error(section, "Root",
                  "Root= needs Kernel= in [Boot]: firmware cannot boot from a folder.");
        if (std::exchange(has_root_, true))
            error(section, "Root", "A guest has one root file system; another share has Root=yes.");
    }

    void check_credential(const Credential &credential) {
        const std::string section = "Credential " + credential.name;
        constexpr std::size_t kRoom = 55 - kGuestCredentials.size();  // FW_CFG_MAX_FILE_PATH
        if (credential.name.size() > kRoom)
            error(section, "",
                  fmt::format("The name '{}' is longer than {} characters, which is all that "
                              "QEMU's fw_cfg has room for.",
                              credential.name, kRoom));
        if (credential.file && continues_line(credential.file->text))
            error(section, "File", "The credential's file must not end with a backslash.");
        if (credential.file && !credential.text.empty())
            error(section, "Text", "File= and Text= both say what the credential is; use one.");
        const auto loads_it = [&](const UnitLine &line) {
            const bool is_setting =
                line.key == "LoadCredential" || line.key == "LoadCredentialEncrypted" ||
                line.key == "SetCredential" || line.key == "SetCredentialEncrypted";
            return is_setting && line.value.substr(0, line.value.find(':')) == credential.name;
        };
        if (!credential.file && credential.text.empty() &&
            std::ranges::none_of(vm_.service_lines, loads_it))
            error(section, "",
                  fmt::format("Section [{}] has no File= and no Text=, and [Service] has no "
                              "LoadCredential={}.",
                              section, credential.name));
    }

    void check_boot_order() {
        const auto &order = vm_.boot.order;
        std::map<unsigned, std::string> positions;
        const unsigned first = first_boot_index(vm_);
        if (first > 0)
            positions.emplace(0, "Kernel= in [Boot]");
        if (!order_is_letters(vm_))
            for (unsigned i = 0; i < order.size(); ++i)
                positions.emplace(first + i, "Order= in [Boot]");
        const auto check = [&](const std::string &section, const auto &device) {
            if (!device.boot_index)
                return;
            const unsigned number = device.boot_index->number;
            const auto [it, is_new] =
                positions.try_emplace(number, fmt::format("section [{}]", section));
            if (std::ranges::find(order, device.name) != order.end())
                error(section, "BootIndex",
                      fmt::format("BootIndex={}: Order= in [Boot] has a place for '{}' already.",
                                  number, device.name));
            else if (!is_new)
                error(section, "BootIndex",
                      fmt::format("BootIndex={} is taken by {}.", number, it->second));
        };
        for (const Drive &drive : vm_.drives)
            check("Drive " + drive.name, drive);
        for (const Network &network : vm_.networks)
            check("Network " + network.name, network);
        if (!order_is_letters(vm_))
            for (const std::string &name : order)
                check_ordered(name);
    }

    void check_ordered(const std::string &name) {
        const auto drive = std::ranges::find(vm_.drives, name, &Drive::name);
        const bool is_network =
            std::ranges::find(vm_.networks, name, &Network::name) != vm_.networks.end();
        if (drive == vm_.drives.end() && !is_network)
            error(
                "Boot", "Order",
                fmt::format("Order=: no drive and no network card is called '{}'.", shorten(name)));
        else if (drive != vm_.drives.end() &&
                 effective_interface(vm_, *drive, host_) == DriveInterface::floppy)
            error("Boot", "Order",
                  fmt::format("Order=: '{}' is a floppy, which has a letter only; write a.", name));
    }

    // `value` is a thing that only one section of the VM can have.
    void check_taken(std::map<std::string, std::string> &taken, const std::string &value,
                     const std::string &section, std::string_view key, std::string_view what) {
        const auto [it, is_new] = taken.try_emplace(value, section);
        if (!is_new)
            error(section, key,
                  fmt::format("{} {} is taken by section [{}].", what, value, it->second));
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
        check("Share", vm_.shares);
        check("Channel", vm_.channels);
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
    bool has_root_ = false;
    std::vector<const HostForward *> forwards_;
    std::map<std::string, std::string> addresses_, interfaces_, tags_;
    Diagnostics &diagnostics_;
};

}  // namespace

void find_contradictions(const Vm &vm, Architecture host, Diagnostics &diagnostics) {
    Checker(vm, host, diagnostics).check();
}

}  // namespace qemunit
