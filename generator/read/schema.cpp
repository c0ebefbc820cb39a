// SPDX-License-Identifier: MIT
#include "generator/read/schema.h"

#include <algorithm>
#include <type_traits>

#include "generator/vm/text.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

// --- Where a field lives: one owner() for each struct of vm.h that has keys. ---

template <typename Device>
Device &device_named(std::vector<Device> &devices, std::string_view name) {
    auto it = std::ranges::find(devices, name, &Device::name);
    if (it != devices.end())
        return *it;
    devices.emplace_back().name = name;
    return devices.back();
}

Vm &owner(As<Vm>, Vm &vm, std::string_view) {
    return vm;
}
Boot &owner(As<Boot>, Vm &vm, std::string_view) {
    return vm.boot;
}
Topology &owner(As<Topology>, Vm &vm, std::string_view) {
    return vm.topology;
}
MemorySettings &owner(As<MemorySettings>, Vm &vm, std::string_view) {
    return vm.memory_settings;
}
Screen &owner(As<Screen>, Vm &vm, std::string_view) {
    return vm.screen;
}
Sound &owner(As<Sound>, Vm &vm, std::string_view name) {
    return device_named(vm.sounds, name);
}
SocketAccess &owner(As<SocketAccess>, Vm &vm, std::string_view) {
    return vm.monitor;
}
Drive &owner(As<Drive>, Vm &vm, std::string_view name) {
    return device_named(vm.drives, name);
}
Network &owner(As<Network>, Vm &vm, std::string_view name) {
    return device_named(vm.networks, name);
}
HostDevice &owner(As<HostDevice>, Vm &vm, std::string_view name) {
    return device_named(vm.host_devices, name);
}
Serial &owner(As<Serial>, Vm &vm, std::string_view name) {
    return device_named(vm.serials, name);
}
Share &owner(As<Share>, Vm &vm, std::string_view name) {
    return device_named(vm.shares, name);
}
Channel &owner(As<Channel>, Vm &vm, std::string_view name) {
    return device_named(vm.channels, name);
}
CloudInit &owner(As<CloudInit>, Vm &vm, std::string_view) {
    return vm.cloud_init;
}
Credential &owner(As<Credential>, Vm &vm, std::string_view name) {
    return device_named(vm.credentials, name);
}

template <typename Device>
void open_section(Vm &vm, std::string_view name) {
    owner(As<Device>{}, vm, name);
}

// --- Setters: one template for single values, one for lists. ---

template <typename T>
struct MemberOf;
template <typename Class, typename Type>
struct MemberOf<Type Class::*> {
    using Owner = Class;
    using Value = Type;
};

template <typename T>
struct ValueOf {
    using Type = T;
};
template <typename T>
struct ValueOf<std::optional<T>> {
    using Type = T;
};

template <typename Owner, typename Field>
std::expected<void, std::string> assign(Field &field, Field default_value, std::string_view value) {
    if (value.empty()) {
        field = std::move(default_value);
        return {};
    }
    auto parsed = parse_value(As<typename ValueOf<Field>::Type>{}, value);
    if (!parsed)
        return std::unexpected(std::move(parsed.error()));
    field = std::move(*parsed);
    return {};
}

template <auto Member>
std::expected<void, std::string> set(Vm &vm, std::string_view device, std::string_view value) {
    using Owner = typename MemberOf<decltype(Member)>::Owner;
    return assign<Owner>(owner(As<Owner>{}, vm, device).*Member, Owner{}.*Member, value);
}

// The same for the socket of a device, a struct in a struct.
template <typename Device, auto Member>
std::expected<void, std::string> set_socket(Vm &vm, std::string_view device,
                                            std::string_view value) {
    SocketAccess &socket = owner(As<Device>{}, vm, device).socket;
    return assign<SocketAccess>(socket.*Member, SocketAccess{}.*Member, value);
}

template <auto Member>
std::expected<void, std::string> add(Vm &vm, std::string_view device, std::string_view value) {
    using Owner = typename MemberOf<decltype(Member)>::Owner;
    auto &list = owner(As<Owner>{}, vm, device).*Member;
    if (value.empty()) {
        list.clear();
        return {};
    }
    using Item = typename std::remove_reference_t<decltype(list)>::value_type;
    auto parsed = parse_value(As<Item>{}, value);
    if (!parsed)
        return std::unexpected(std::move(parsed.error()));
    list.push_back(std::move(*parsed));
    return {};
}

std::expected<void, std::string> add_arguments(Vm &vm, std::string_view, std::string_view value) {
    if (value.empty()) {
        vm.arguments.clear();
        return {};
    }
    auto words = split_quoted(value);
    if (!words)
        return std::unexpected(std::move(words.error()));
    std::ranges::move(*words, std::back_inserter(vm.arguments));
    return {};
}

std::expected<void, std::string> add_boot_order(Vm &vm, std::string_view, std::string_view value) {
    if (value.empty())
        vm.boot.order.clear();
    std::ranges::move(split_words(value), std::back_inserter(vm.boot.order));
    return {};
}

// --- The table. ---

using Kind = SectionRow::Kind;

constexpr SectionRow kSections[] = {
    {"VM", Kind::single},
    {"CPU", Kind::single},
    {"Memory", Kind::single},
    {"Boot", Kind::single},
    {"Drive", Kind::device, open_section<Drive>},
    {"Network", Kind::device, open_section<Network>},
    {"HostDevice", Kind::device, open_section<HostDevice>},
    {"Screen", Kind::single},
    {"Sound", Kind::device, open_section<Sound>},
    {"Serial", Kind::device, open_section<Serial>},
    {"Monitor", Kind::single},
    {"Share", Kind::device, open_section<Share>},
    {"Channel", Kind::device, open_section<Channel>},
    {"Credential", Kind::device, open_section<Credential>},
    {"CloudInit", Kind::single},
    {"Unit", Kind::pass_through},
    {"Service", Kind::pass_through},
    {"Install", Kind::pass_through},
};

// clang-format off
constexpr KeyRow kKeys[] = {
    {"VM", "Description", "TEXT", "Virtual machine NAME", "Description=",
     "What systemctl calls the VM.", "0.1", set<&Vm::description>},
    {"VM", "Architecture", "x86_64|i386|aarch64|arm|riscv64", "that of the host", "the QEMU binary",
     "The processor architecture of the guest.", "0.1", set<&Vm::architecture>},
    {"VM", "Machine", "NAME", "q35 for x86_64 and i386, virt for the others", "-machine",
     "QEMU's name of the machine.", "0.1", set<&Vm::machine>},
    {"VM", "MachineOption", "OPTION=VALUE", "none", "-machine",
     "An option of the machine, in QEMU's words.", "0.8", add<&Vm::machine_options>, true},
    {"VM", "DeviceProperty", "DRIVER.PROPERTY=VALUE", "none", "-global",
     "A property of all devices of a kind, in QEMU's words.", "0.8", add<&Vm::device_properties>, true},
    {"VM", "Hardware", "0.1|0.8", "0.1", "-device, -machine",
     "The version of qemunit whose defaults the machine has.", "0.8", set<&Vm::hardware>},
    {"VM", "HotPlugPorts", "NUMBER", "4 with Hardware=0.8, else 0", "-device pcie-root-port",
     "How many devices can be plugged in while the VM runs.", "0.8", set<&Vm::hot_plug_ports>},
    {"VM", "GuestOS", "generic|windows", "generic", "-cpu, -machine, -rtc",
     "For which system the machine is set up.", "0.8", set<&Vm::guest_os>},
    {"VM", "Accelerator", "auto|kvm|tcg", "auto", "-accel",
     "What runs the guest's instructions.", "0.1", set<&Vm::accelerator>},
    {"VM", "CPU", "MODEL[,FEATURE…]", "max; for riscv64, QEMU's default", "-cpu",
     "The processor model, in QEMU's words.", "0.1", set<&Vm::cpu>},
    {"VM", "CPUs", "NUMBER", "1, or as many as [CPU] says", "-smp",
     "How many processors the guest has.", "0.1", set<&Vm::cpus>},
    {"VM", "Memory", "SIZE", "1G", "-m",
     "How much memory the guest has.", "0.1", set<&Vm::memory>},
    {"VM", "UUID", "UUID", "none", "-uuid",
     "The machine's UUID, as the guest's firmware shows it.", "0.1", set<&Vm::uuid>},
    {"VM", "Firmware", "bios|uefi|uefi-secure", "bios", "-drive if=pflash",
     "What the guest boots with.", "0.2", set<&Vm::firmware>},
    {"VM", "Display", "none|vnc|spice", "none", "-vnc, -spice",
     "A screen with keyboard and mouse, on a socket.", "0.1", set<&Vm::display>},
    {"VM", "Keyboard", "LAYOUT", "en-us", "-k",
     "The layout of the keyboard in front of the viewer.", "0.2", set<&Vm::keyboard>},
    {"VM", "Clock", "utc|localtime|DATE", "utc; localtime with GuestOS=windows", "-rtc base=",
     "What the guest's hardware clock shows.", "0.2", set<&Vm::clock>},
    {"VM", "TPM", "yes|no", "no", "-tpmdev, -device",
     "A TPM 2.0, by swtpm.", "0.2", set<&Vm::tpm>},
    {"VM", "Watchdog", "no|reset|shutdown|poweroff|pause|inject-nmi|none", "no", "-device, -action watchdog=",
     "A watchdog device, and what happens when the guest stops feeding it.", "0.2", set<&Vm::watchdog>},
    {"VM", "RNG", "yes|no", "yes with Hardware=0.8, else no", "-device virtio-rng-pci",
     "A device that gives the guest random numbers of the host.", "0.2", set<&Vm::rng>},
    {"VM", "Balloon", "yes|no", "no", "-device virtio-balloon-pci",
     "A device by which the guest gives memory back.", "0.2", set<&Vm::balloon>},
    {"VM", "VSockCID", "NUMBER", "none", "-device vhost-vsock-pci",
     "The guest's address for vsock.", "0.2", set<&Vm::vsock_cid>},
    {"VM", "GuestAgent", "yes|no", "no", "-device virtserialport",
     "A channel to QEMU's guest agent, with the socket agent.sock.", "0.2", set<&Vm::guest_agent>},
    {"VM", "QEMU", "PATH", "/usr/bin/qemu-system-ARCHITECTURE", "the program",
     "Another QEMU binary than the distribution's.", "0.1", set<&Vm::qemu>},
    {"VM", "Arguments", "WORDS", "none", "QEMU's command line",
     "Further words of QEMU's command line.", "0.1", add_arguments, true},
    {"VM", "User", "USER", "a user of the VM's own", "User=",
     "Who QEMU runs as.", "0.2", set<&Vm::user>},
    {"VM", "Activation", "none|socket", "none", "sockets.target.wants/",
     "Whether connecting to a socket of the VM starts it.", "0.2", set<&Vm::activation>},
    {"VM", "Ready", "started|serial:REGEX|agent|notify", "started", "READY=1",
     "What must have happened until the VM counts as started.", "0.2", set<&Vm::ready>},
    {"VM", "StartTimeout", "TIME", "1min; 5min with a Ready= other than started", "TimeoutStartSec=",
     "How long it may take until the VM counts as started.", "0.2", set<&Vm::start_timeout>},
    {"VM", "StopTimeout", "TIME", "1min", "TimeoutStopSec=",
     "How long stopping may take before QEMU is killed.", "0.2", set<&Vm::stop_timeout>},
    {"VM", "Stop", "poweroff|hibernate|quit", "poweroff", "qemunit-helper",
     "What systemctl stop does to the guest.", "0.2", set<&Vm::stop>},
    {"VM", "Timeout", "TIME", "infinity", "RuntimeMaxSec=",
     "How long the VM may run before systemd stops it.", "0.2", set<&Vm::timeout>},
    {"VM", "IdleTimeout", "TIME", "infinity", "qemunit-helper",
     "How long the VM may be without users before it stops.", "0.3", set<&Vm::idle_timeout>},
    {"VM", "OnPanic", "fail|restart|pause", "no such device", "-device pvpanic-pci, -action panic=",
     "A device by which the guest reports a panic, and what happens then.", "0.2", set<&Vm::on_panic>},
    {"VM", "OnReboot", "reset|poweroff", "reset", "-action reboot=",
     "What becomes of the VM when its guest reboots.", "0.8", set<&Vm::on_reboot>},
    {"VM", "StartPaused", "yes|no", "no", "-S",
     "Whether the guest waits until somebody lets it run.", "0.8", set<&Vm::starts_paused>},
    {"VM", "Debugger", "yes|no", "no", "-gdb",
     "A socket for gdb.", "0.8", set<&Vm::debugger>},
    {"VM", "LoadSnapshot", "TAG", "none", "-loadvm",
     "The snapshot in the VM's disks from which the VM starts.", "0.2", set<&Vm::load_snapshot>},
    {"VM", "SnapshotKeep", "NUMBER", "7", "qemu-snapshot@.service",
     "How many of its snapshots the VM's timer keeps.", "0.3", set<&Vm::snapshot_keep>},
    {"VM", "BackupKeep", "NUMBER", "14", "qemu-backup@.service",
     "How many of its backups the VM's timer keeps.", "0.8", set<&Vm::backup_keep>},
    {"VM", "Register", "yes|no", "no", "qemu-machine@.service",
     "Whether machinectl lists the VM.", "0.4", set<&Vm::is_registered>},

    {"CPU", "Sockets", "NUMBER", "as many as the others leave", "-smp sockets=",
     "How many processors with cores of their own there are.", "0.8", set<&Topology::sockets>},
    {"CPU", "Dies", "NUMBER", "1", "-smp dies=",
     "How many dies a socket has.", "0.8", set<&Topology::dies>},
    {"CPU", "Cores", "NUMBER", "as many as the others leave", "-smp cores=",
     "How many cores a socket, or a die of it, has.", "0.8", set<&Topology::cores>},
    {"CPU", "Threads", "NUMBER", "1", "-smp threads=",
     "How many threads a core has.", "0.8", set<&Topology::threads>},
    {"CPU", "Maximum", "NUMBER", "CPUs=", "-smp maxcpus=",
     "How many processors there are with those that are plugged in later.", "0.8", set<&Topology::maximum>},

    {"Memory", "Maximum", "SIZE", "Memory=", "-m maxmem=",
     "How much memory there is with what is plugged in later.", "0.8", set<&MemorySettings::maximum>},
    {"Memory", "HugePages", "yes|no|SIZE", "no", "-object hugetlb=",
     "The guest's memory is huge pages of the host.", "0.8", set<&MemorySettings::huge_pages>},
    {"Memory", "Shared", "yes|no", "no", "-object share=",
     "Whether other processes can have the guest's memory.", "0.8", set<&MemorySettings::shared>},
    {"Memory", "Locked", "yes|no", "no", "-overcommit mem-lock=, LimitMEMLOCK=",
     "Whether the guest's memory is never swapped out.", "0.8", set<&MemorySettings::locked>},
    {"Memory", "Preallocated", "yes|no", "no", "-object prealloc=",
     "Whether QEMU takes all of the memory at the start.", "0.8", set<&MemorySettings::preallocated>},

    {"Boot", "Kernel", "PATH", "none", "-kernel",
     "A Linux kernel that QEMU loads itself.", "0.1", set<&Boot::kernel>},
    {"Boot", "Initrd", "PATH", "none", "-initrd",
     "The kernel's initial RAM disk.", "0.1", set<&Boot::initrd>},
    {"Boot", "Shim", "PATH", "none", "-shim",
     "The UEFI program that checks the kernel's signature.", "0.7", set<&Boot::shim>},
    {"Boot", "DeviceTree", "PATH", "the machine's own", "-dtb",
     "A device tree for the kernel.", "0.8", set<&Boot::device_tree>},
    {"Boot", "BIOS", "PATH", "QEMU's own", "-bios",
     "Another firmware than QEMU's.", "0.8", set<&Boot::bios>},
    {"Boot", "FirmwareFile", "NAME:PATH", "none", "-fw_cfg",
     "A file that the guest finds by fw_cfg, such as Ignition's.", "0.8", add<&Boot::firmware_files>, true},
    {"Boot", "SMBIOS", "type=NUMBER[,FIELD=TEXT…]", "none", "-smbios",
     "Fields of an SMBIOS table, in QEMU's words.", "0.8", add<&Boot::smbios>, true},
    {"Boot", "Append", "TEXT", "console= with the name of the first serial port", "-append",
     "The kernel's command line.", "0.1", add<&Boot::append>, true},
    {"Boot", "Order", "NAMES", "the firmware's choice", "-device bootindex=, -boot order=",
     "Which drives and network cards the firmware tries, the first one first.", "0.2", add_boot_order, true},
    {"Boot", "Menu", "yes|no", "no", "-boot menu=",
     "Whether the firmware offers a menu.", "0.2", set<&Boot::menu>},

    {"Drive", "File", "PATH", "none", "-drive file=",
     "The image or block device.", "0.1", set<&Drive::file>},
    {"Drive", "Format", "NAME", "by the suffix of the file", "-drive format=",
     "The image's format, in QEMU's words.", "0.1", set<&Drive::format>},
    {"Drive", "Interface", "virtio|scsi|nvme|ide|sata|usb|floppy|sd", "virtio; for CD-ROM drives ide where the machine has it, else scsi", "-device",
     "How the guest sees the drive.", "0.1", set<&Drive::interface>},
    {"Drive", "Media", "disk|cdrom", "disk", "-drive media=",
     "A disk, or a CD-ROM drive with a medium.", "0.1", set<&Drive::media>},
    {"Drive", "ReadOnly", "yes|no", "no", "-drive readonly=",
     "Whether the guest cannot write.", "0.1", set<&Drive::read_only>},
    {"Drive", "Ephemeral", "yes|no", "no", "-drive snapshot=",
     "Whether what the guest writes is thrown away when the VM ends.", "0.1", set<&Drive::ephemeral>},
    {"Drive", "Size", "SIZE", "none", "qemu-img create",
     "The size with which an image that is missing is made.", "0.2", set<&Drive::size>},
    {"Drive", "BackingFile", "PATH", "none", "qemu-img create -b",
     "The image of which this one, made if it is missing, is a copy-on-write layer.", "0.2", set<&Drive::backing_file>},
    {"Drive", "BackingFormat", "NAME", "by the suffix of the file", "qemu-img create -F",
     "The format of the backing file, in QEMU's words.", "0.8", set<&Drive::backing_format>},
    {"Drive", "BackingLayer", "PATH", "none", "-drive backing.backing",
     "A file that the backing file is a layer on, and so on down. A list.", "0.8", add<&Drive::backing_layers>},
    {"Drive", "Cache", "writeback|writethrough|none|directsync|unsafe", "writeback", "-drive cache=",
     "How QEMU uses the host's page cache.", "0.2", set<&Drive::cache>},
    {"Drive", "Discard", "yes|no", "yes with Hardware=0.8, else no", "-drive discard=",
     "Whether space that the guest discards is given back.", "0.2", set<&Drive::discard>},
    {"Drive", "AIO", "threads|native|io_uring", "threads", "-drive aio=",
     "How QEMU reads and writes the image.", "0.2", set<&Drive::aio>},
    {"Drive", "IOThread", "yes|no", "no", "-object iothread",
     "Whether a thread of its own reads and writes the image.", "0.8", set<&Drive::iothread>},
    {"Drive", "Queues", "NUMBER", "one for each processor", "-device num-queues=",
     "How many processors of the guest can use the drive at the same time.", "0.8", set<&Drive::queues>},
    {"Drive", "BandwidthMax", "RATE", "none", "-drive throttling.bps-total=",
     "How many bytes the guest reads and writes in a second at most.", "0.8", set<&Drive::bandwidth_max>},
    {"Drive", "ReadBandwidthMax", "RATE", "none", "-drive throttling.bps-read=",
     "How many bytes the guest reads in a second at most.", "0.8", set<&Drive::read_bandwidth_max>},
    {"Drive", "WriteBandwidthMax", "RATE", "none", "-drive throttling.bps-write=",
     "How many bytes the guest writes in a second at most.", "0.8", set<&Drive::write_bandwidth_max>},
    {"Drive", "IOPSMax", "RATE", "none", "-drive throttling.iops-total=",
     "How many times the guest reads and writes in a second at most.", "0.8", set<&Drive::iops_max>},
    {"Drive", "ReadIOPSMax", "RATE", "none", "-drive throttling.iops-read=",
     "How many times the guest reads in a second at most.", "0.8", set<&Drive::read_iops_max>},
    {"Drive", "WriteIOPSMax", "RATE", "none", "-drive throttling.iops-write=",
     "How many times the guest writes in a second at most.", "0.8", set<&Drive::write_iops_max>},
    {"Drive", "BootIndex", "NUMBER", "none", "-device bootindex=",
     "The place in the order of booting; the firmware tries lower ones first.", "0.2", set<&Drive::boot_index>},
    {"Drive", "Serial", "TEXT", "none; for nvme, the name of the drive", "-device serial=",
     "The serial number that the guest sees.", "0.2", set<&Drive::serial>},

    {"Network", "Type", "user|tap|bridge|passt|none", "user", "-netdev",
     "What the network card is connected to.", "0.1", set<&Network::type>},
    {"Network", "Model", "NAME", "virtio-net-pci; virtio-net-device on machines without PCI", "-device",
     "QEMU's name of the card.", "0.1", set<&Network::model>},
    {"Network", "MAC", "ADDRESS", "made from the names of the VM and of the card; with Type=tap and Type=bridge also from the host's machine-id", "-device mac=",
     "The card's address.", "0.1", set<&Network::mac>},
    {"Network", "HostForward", "PROTOCOL:[ADDRESS]:PORT-[ADDRESS]:PORT", "none", "options of qemu-usernet@.service or of passt",
     "A port of the host that leads to a port of the guest.", "0.1", add<&Network::host_forwards>, true},
    {"Network", "Restrict", "yes|no", "no", "qemu-usernet@.service",
     "Whether the guest reaches nothing, and is reached by its forwards only.", "0.2", set<&Network::restricted>},
    {"Network", "HostLoopback", "yes|no", "no", "qemu-usernet@.service",
     "Whether the guest reaches 127.0.0.1 of the host, as 10.0.2.2.", "0.8", set<&Network::host_loopback>},
    {"Network", "Link", "yes|no", "yes", "qemunit-helper",
     "Whether the card's cable is in.", "0.4", set<&Network::link>},
    {"Network", "Interface", "NAME", "VM-NAME if that is short enough, else a name that begins with qemu-", "-netdev ifname=",
     "The tap interface of the host, made if the host has none of that name.", "0.2", set<&Network::interface>},
    {"Network", "Bridge", "NAME", "none", "qemu-tap@.service",
     "The bridge that the tap interface joins, made if the host has none of that name.", "0.2", set<&Network::bridge>},
    {"Network", "BootIndex", "NUMBER", "none", "-device bootindex=",
     "The place in the order of booting; the firmware tries lower ones first.", "0.2", set<&Network::boot_index>},

    {"HostDevice", "PCI", "[DOMAIN:]BUS:SLOT.FUNCTION", "none", "-device vfio-pci, qemu-hostdev@.service",
     "A PCI device of the host that the guest has for itself.", "0.8", set<&HostDevice::pci>},
    {"HostDevice", "USB", "VENDOR:PRODUCT|BUS-PORT[.PORT…]", "none", "-device usb-host, qemu-hostdev@.service",
     "A USB device of the host that the guest has for itself.", "0.8", set<&HostDevice::usb>},
    {"HostDevice", "Optional", "yes|no", "no", "qemu-hostdev@.service",
     "Whether the device may be plugged in later, and come and go.", "0.8", set<&HostDevice::optional>},
    {"HostDevice", "Force", "yes|no", "no", "qemu-hostdev@.service",
     "Whether the guest gets the device though the host uses it.", "0.8", set<&HostDevice::force>},

    {"Screen", "Card", "std|virtio|qxl|cirrus|vmware|bochs|ramfb", "std; qxl with Display=spice; virtio on machines other than a PC", "-device",
     "The video card.", "0.8", set<&Screen::card>},
    {"Screen", "Memory", "SIZE", "QEMU's", "-device vgamem_mb=",
     "How much memory the card has.", "0.8", set<&Screen::memory>},
    {"Screen", "Resolution", "WIDTHxHEIGHT", "QEMU's", "-device xres=, yres=",
     "The size that the screen says it likes best.", "0.8", set<&Screen::resolution>},
    {"Screen", "Outputs", "NUMBER", "1", "-device max_outputs=",
     "How many monitors can be connected.", "0.8", set<&Screen::outputs>},
    {"Screen", "Agent", "yes|no", "yes", "-chardev spicevmc",
     "Whether the guest and the viewer share clipboard and screen size.", "0.8", set<&Screen::agent>},
    {"Screen", "USBRedirection", "NUMBER", "none", "-device usb-redir",
     "How many USB devices of the viewer's machine can be the guest's.", "0.8", set<&Screen::usb_redirection>},

    {"Sound", "Model", "hda|ac97|es1370|sb16|usb", "hda", "-device",
     "The sound card.", "0.8", set<&Sound::model>},
    {"Sound", "Heard", "yes|no", "yes", "-audiodev",
     "Whether who watches the screen hears the guest.", "0.8", set<&Sound::heard>},

    {"Serial", "Type", "isa|virtio", "isa as long as the machine has room, then virtio", "-serial, -device",
     "How the guest sees the port.", "0.1", set<&Serial::type>},
    {"Serial", "Log", "yes|no", "yes", "qemunit-helper",
     "Whether the port's lines go to the journal.", "0.1", set<&Serial::log>},
    {"Serial", "Direct", "yes|no", "no", "qemunit-helper",
     "Whether QEMU serves the socket itself, without the relay.", "0.1", set<&Serial::direct>},
    {"Serial", "SocketMode", "MODE", "0660", "SocketMode=",
     "The access mode of the port's socket.", "0.1", set_socket<Serial, &SocketAccess::mode>},
    {"Serial", "SocketUser", "USER", "root; qemunitd where SocketMode= or SocketGroup= is given", "SocketUser=",
     "Who owns the port's socket.", "0.1", set_socket<Serial, &SocketAccess::user>},
    {"Serial", "SocketGroup", "GROUP", "qemunitd", "SocketGroup=",
     "The group of the port's socket.", "0.1", set_socket<Serial, &SocketAccess::group>},

    {"Monitor", "SocketMode", "MODE", "0660", "chmod",
     "The access mode of monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::mode>},
    {"Monitor", "SocketUser", "USER", "root", "chown",
     "Who owns monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::user>},
    {"Monitor", "SocketGroup", "GROUP", "qemunitd", "chown",
     "The group of monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::group>},

    {"Share", "Path", "PATH", "none", "-fsdev path=, virtiofsd, -drive dir=",
     "The folder of the host that the guest sees.", "0.2", set<&Share::path>},
    {"Share", "Type", "9p|virtiofs|vfat", "9p", "-device",
     "How the guest sees the folder.", "0.2", set<&Share::type>},
    {"Share", "Tag", "NAME", "the name", "-device mount_tag=, tag=",
     "The name by which the guest mounts the folder.", "0.2", set<&Share::tag>},
    {"Share", "ReadOnly", "yes|no", "no; vfat is always read-only", "-fsdev readonly=, a mount option",
     "Whether the guest cannot write.", "0.2", set<&Share::read_only>},
    {"Share", "Root", "yes|no", "no", "-append",
     "Whether the folder is the guest's root file system.", "0.2", set<&Share::root>},
    {"Share", "SpecialFiles", "yes|no", "no", "CapabilityBoundingSet=, RestrictSUIDSGID=",
     "Whether the guest's root may make device nodes and set-user-ID files.", "0.8",
     set<&Share::special_files>},

    {"Channel", "SocketMode", "MODE", "0660", "chmod",
     "The access mode of the channel's socket.", "0.2", set_socket<Channel, &SocketAccess::mode>},
    {"Channel", "SocketUser", "USER", "root; qemunitd where SocketMode= or SocketGroup= is given", "chown",
     "Who owns the channel's socket.", "0.2", set_socket<Channel, &SocketAccess::user>},
    {"Channel", "SocketGroup", "GROUP", "qemunitd", "chown",
     "The group of the channel's socket.", "0.2", set_socket<Channel, &SocketAccess::group>},

    {"Credential", "File", "PATH", "none", "LoadCredential=, -fw_cfg",
     "A file with the credential.", "0.2", set<&Credential::file>},
    {"Credential", "Text", "TEXT", "none", "SetCredential=, -fw_cfg",
     "The credential itself.", "0.2", set<&Credential::text>},

    {"CloudInit", "UserData", "PATH", "made from the other keys", "qemunit-seed",
     "A file with cloud-init's user data.", "0.8", set<&CloudInit::user_data>},
    {"CloudInit", "MetaData", "PATH", "made from the other keys", "qemunit-seed",
     "A file with cloud-init's meta data.", "0.8", set<&CloudInit::meta_data>},
    {"CloudInit", "NetworkConfig", "PATH", "none", "qemunit-seed",
     "A file with the guest's network, as cloud-init has it.", "0.8", set<&CloudInit::network_config>},
    {"CloudInit", "Hostname", "NAME", "the VM's name, if a host can have it", "qemunit-seed",
     "The guest's host name.", "0.8", set<&CloudInit::hostname>},
    {"CloudInit", "User", "USER", "the image's own, as debian", "qemunit-seed",
     "The user whom cloud-init makes, who may become root.", "0.8", set<&CloudInit::user>},
    {"CloudInit", "SSHKey", "KEY|PATH", "none", "qemunit-seed",
     "A public key that may log in, or a file with such keys.", "0.8", add<&CloudInit::ssh_keys>, true},
    {"CloudInit", "Password", "HASH", "none", "qemunit-seed",
     "The user's password, as crypt(5) has it.", "0.8", set<&CloudInit::password>, false, true},
};
// clang-format on

}  // namespace

std::span<const SectionRow> sections() {
    return kSections;
}
std::span<const KeyRow> keys() {
    return kKeys;
}

const SectionRow *find_section(std::string_view name) {
    auto it = std::ranges::find(kSections, name, &SectionRow::name);
    return it == std::end(kSections) ? nullptr : &*it;
}

const KeyRow *find_key(std::string_view section, std::string_view key) {
    auto it = std::ranges::find_if(
        kKeys, [&](const KeyRow &row) { return row.key == key && row.section == section; });
    return it == std::end(kKeys) ? nullptr : &*it;
}

}  // namespace qemunit::generator
