// SPDX-License-Identifier: MIT
#include "generator/schema.h"

#include <algorithm>
#include <type_traits>

#include "generator/text.h"
#include "generator/values.h"

namespace qemunit {

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
SocketAccess &owner(As<SocketAccess>, Vm &vm, std::string_view) {
    return vm.monitor;
}
Drive &owner(As<Drive>, Vm &vm, std::string_view name) {
    return device_named(vm.drives, name);
}
Network &owner(As<Network>, Vm &vm, std::string_view name) {
    return device_named(vm.networks, name);
}
Serial &owner(As<Serial>, Vm &vm, std::string_view name) {
    return device_named(vm.serials, name);
}

template <typename Device>
void open(Vm &vm, std::string_view name) {
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

// The same for the sockets of a serial port, a struct in a struct.
template <auto Member>
std::expected<void, std::string> set_serial_socket(Vm &vm, std::string_view device,
                                                   std::string_view value) {
    SocketAccess &socket = owner(As<Serial>{}, vm, device).socket;
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

// --- The table. ---

using Kind = SectionRow::Kind;

constexpr SectionRow kSections[] = {
    {"VM", Kind::single},
    {"Boot", Kind::single},
    {"Drive", Kind::device, open<Drive>},
    {"Network", Kind::device, open<Network>},
    {"Serial", Kind::device, open<Serial>},
    {"Monitor", Kind::single},
    {"Unit", Kind::pass_through},
    {"Service", Kind::pass_through},
    {"Install", Kind::pass_through},
    {"Share", Kind::planned},
    {"Channel", Kind::planned},
    {"Credential", Kind::planned},
};

// A key that later versions will have: known, so that nobody is told it was a typo.
constexpr KeyRow planned(std::string_view section, std::string_view key) {
    return {section, key, "", "", "", "", "", nullptr};
}

// clang-format off
constexpr KeyRow kKeys[] = {
    {"VM", "Description", "TEXT", "Virtual machine NAME", "Description=",
     "What systemctl calls the VM.", "0.1", set<&Vm::description>},
    {"VM", "Architecture", "x86_64|i386|aarch64|arm|riscv64", "the host's", "the QEMU binary",
     "The processor architecture of the guest.", "0.1", set<&Vm::architecture>},
    {"VM", "Machine", "NAME", "q35, or virt", "-machine type=",
     "QEMU's name of the machine.", "0.1", set<&Vm::machine>},
    {"VM", "Accelerator", "auto|kvm|tcg", "auto", "-accel",
     "What runs the guest's instructions.", "0.1", set<&Vm::accelerator>},
    {"VM", "CPU", "MODEL[,FEATURE…]", "max", "-cpu",
     "The processor model, in QEMU's words.", "0.1", set<&Vm::cpu>},
    {"VM", "CPUs", "NUMBER", "1", "-smp",
     "How many processors the guest has.", "0.1", set<&Vm::cpus>},
    {"VM", "Memory", "SIZE", "1G", "-m",
     "How much memory the guest has.", "0.1", set<&Vm::memory>},
    {"VM", "UUID", "UUID", "none", "-uuid",
     "The machine's UUID, as the guest's firmware shows it.", "0.1", set<&Vm::uuid>},
    {"VM", "Display", "none|vnc", "none", "-vnc",
     "A screen with keyboard and mouse, on a VNC socket.", "0.1", set<&Vm::display>},
    {"VM", "QEMU", "PATH", "/usr/bin/qemu-system-…", "the program",
     "Another QEMU binary than the distribution's.", "0.1", set<&Vm::qemu>},
    {"VM", "Arguments", "WORDS", "none", "itself",
     "Further words of QEMU's command line.", "0.1", add_arguments, true},
    planned("VM", "Firmware"), planned("VM", "Keyboard"), planned("VM", "Clock"),
    planned("VM", "TPM"), planned("VM", "Watchdog"), planned("VM", "RNG"),
    planned("VM", "Balloon"), planned("VM", "VSockCID"), planned("VM", "GuestAgent"),
    planned("VM", "User"), planned("VM", "Activation"), planned("VM", "Ready"),
    planned("VM", "StartTimeout"), planned("VM", "StopTimeout"), planned("VM", "Stop"),
    planned("VM", "Timeout"), planned("VM", "OnPanic"), planned("VM", "LoadSnapshot"),

    {"Boot", "Kernel", "PATH", "none", "-kernel",
     "A Linux kernel that QEMU loads itself.", "0.1", set<&Boot::kernel>},
    {"Boot", "Initrd", "PATH", "none", "-initrd",
     "The kernel's initial RAM disk.", "0.1", set<&Boot::initrd>},
    {"Boot", "Append", "TEXT", "none", "-append",
     "The kernel's command line.", "0.1", add<&Boot::append>, true},
    planned("Boot", "Order"), planned("Boot", "Menu"),

    {"Drive", "File", "PATH", "none", "-drive file=",
     "The image or block device.", "0.1", set<&Drive::file>},
    {"Drive", "Format", "NAME", "by the file's suffix, else raw", "-drive format=",
     "The image's format, in QEMU's words.", "0.1", set<&Drive::format>},
    {"Drive", "Interface", "virtio|scsi|nvme|ide|sata|usb|floppy", "virtio", "-device",
     "How the guest sees the drive.", "0.1", set<&Drive::interface>},
    {"Drive", "Media", "disk|cdrom", "disk", "-drive media=",
     "A disk, or a CD-ROM drive with a medium.", "0.1", set<&Drive::media>},
    {"Drive", "ReadOnly", "yes|no", "no", "-drive readonly=",
     "The guest cannot write.", "0.1", set<&Drive::read_only>},
    {"Drive", "Ephemeral", "yes|no", "no", "-drive snapshot=",
     "What the guest writes is thrown away when the VM ends.", "0.1", set<&Drive::ephemeral>},
    planned("Drive", "Size"), planned("Drive", "BackingFile"), planned("Drive", "Cache"),
    planned("Drive", "Discard"), planned("Drive", "AIO"), planned("Drive", "BootIndex"),
    planned("Drive", "Serial"),

    {"Network", "Type", "user|none", "user", "-netdev",
     "What the network card is connected to.", "0.1", set<&Network::type>},
    {"Network", "Model", "NAME", "virtio-net-pci", "-device",
     "QEMU's name of the card.", "0.1", set<&Network::model>},
    {"Network", "MAC", "ADDRESS", "made from the names of VM and card", "-device mac=",
     "The card's address.", "0.1", set<&Network::mac>},
    {"Network", "HostForward", "PROTOCOL:[ADDRESS]:PORT-[ADDRESS]:PORT", "none", "-netdev hostfwd=",
     "A port of the host that leads to a port of the guest.", "0.1", add<&Network::host_forwards>, true},
    planned("Network", "Restrict"), planned("Network", "Interface"), planned("Network", "Bridge"),
    planned("Network", "BootIndex"),

    {"Serial", "Type", "isa|virtio", "isa where the machine has room, else virtio", "-serial, -device",
     "How the guest sees the port.", "0.1", set<&Serial::type>},
    {"Serial", "Log", "yes|no", "yes", "qemunit-helper",
     "Whether the port's lines go to the journal.", "0.1", set<&Serial::log>},
    {"Serial", "Direct", "yes|no", "no", "qemunit-helper",
     "QEMU serves the socket itself, without the relay.", "0.1", set<&Serial::direct>},
    {"Serial", "SocketMode", "MODE", "0660", "SocketMode=",
     "The access mode of the port's socket.", "0.1", set_serial_socket<&SocketAccess::mode>},
    {"Serial", "SocketUser", "USER", "root", "SocketUser=",
     "Who owns the port's socket.", "0.1", set_serial_socket<&SocketAccess::user>},
    {"Serial", "SocketGroup", "GROUP", "root", "SocketGroup=",
     "The group of the port's socket.", "0.1", set_serial_socket<&SocketAccess::group>},

    {"Monitor", "SocketMode", "MODE", "0660", "SocketMode=",
     "The access mode of monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::mode>},
    {"Monitor", "SocketUser", "USER", "qemunitd", "SocketUser=",
     "Who owns monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::user>},
    {"Monitor", "SocketGroup", "GROUP", "qemunitd", "SocketGroup=",
     "The group of monitor.sock and qmp.sock.", "0.1", set<&SocketAccess::group>},
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
        kKeys, [&](const KeyRow &row) { return row.section == section && row.key == key; });
    return it == std::end(kKeys) ? nullptr : &*it;
}

}  // namespace qemunit
