// SPDX-License-Identifier: MIT
#include "generator/vm/defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/concat.h"
#include "common/paths.h"
#include "generator/vm/mac_address.h"
#include "generator/vm/machine.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

bool is_virt(std::string_view machine) {
    return machine == "virt" || machine.starts_with("virt-");
}

}  // namespace

std::string qemu_program(const Vm &vm, Architecture host) {
    return vm.qemu ? vm.qemu->text : concat(kQemuBinDir, "/", machine_traits(vm, host).program);
}

std::string absolute_path(const Vm &vm, const FilePath &path) {
    return path.text.starts_with('/') ? path.text
                                      : concat(vm.paths.state_dir(vm.name), "/", path.text);
}

// The suffix decides, never the content: QEMU's probing lets a guest that owns a raw disk
// turn it into a qcow2 with any file of the host as its backing file.
std::string format_of(const FilePath &file) {
    static constexpr std::pair<std::string_view, std::string_view> kBySuffix[] = {
        {".qcow2", "qcow2"}, {".qcow", "qcow"}, {".qed", "qed"}, {".vmdk", "vmdk"},
        {".vdi", "vdi"},     {".vhdx", "vhdx"}, {".vhd", "vpc"},
    };
    for (const auto &[suffix, format] : kBySuffix)
        if (file.text.ends_with(suffix))
            return std::string(format);
    return "raw";
}

std::string format_of(const Drive &drive) {
    return drive.format ? drive.format->text : format_of(*drive.file);
}

std::string backing_format_of(const Drive &drive) {
    return drive.backing_format ? drive.backing_format->text : format_of(*drive.backing_file);
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

std::string_view effective_tag(const Share &share) {
    return share.tag ? share.tag->text : share.name;
}

uint64_t cpu_count(const Vm &vm) {
    if (vm.cpus)
        return vm.cpus->count;
    uint64_t product = 1;
    for (const auto *part :
         {&vm.topology.sockets, &vm.topology.dies, &vm.topology.cores, &vm.topology.threads})
        if (*part)
            product *= (*part)->count;
    return product;
}

// What QEMU's manual has Windows be given (docs/system/i386/hyperv.rst), but for what needs Intel's
// processors, or nests. Without KVM there is none of it, and QEMU refuses some.
std::string cpu_model(const Vm &vm, Architecture host) {
    constexpr std::string_view kHyperV =
        ",hv-relaxed,hv-vapic,hv-spinlocks=0x1fff,hv-vpindex,hv-runtime,hv-time,hv-synic,hv-stimer,"
        "hv-frequencies,hv-tlbflush,hv-ipi,hv-reset";
    std::string model = vm.cpu.empty() ? std::string(machine_traits(vm, host).cpu) : vm.cpu;
    if (vm.guest_os == GuestOs::windows &&
        (vm.accelerator == Accelerator::kvm || falls_back_to_tcg(vm, host)) &&
        model.find(",hv") == model.npos)
        model += kHyperV;
    return model;
}

std::string clock_base(const Vm &vm) {
    if (vm.clock)
        return vm.clock->text;
    return vm.guest_os == GuestOs::windows ? "localtime" : "";
}

bool has_rng(const Vm &vm, Architecture host) {
    // Other machines are boards with the devices that they have, and may have no bus for more.
    const std::string machine = machine_traits(vm, host).machine;
    const bool has_bus = machine == "q35" || machine == "pc" || machine.starts_with("pc-") ||
                         machine == "microvm" || is_virt(machine);
    return vm.rng.value_or(vm.hardware >= HardwareVersion::v0_8 && has_bus);
}

bool discards(const Vm &vm, const Drive &drive) {
    return drive.discard.value_or(vm.hardware >= HardwareVersion::v0_8);
}

bool has_root_ports(const Vm &vm, Architecture host) {
    const std::string machine = machine_traits(vm, host).machine;
    return machine == "q35" || machine.starts_with("pc-q35") || is_virt(machine);
}

unsigned hot_plug_ports(const Vm &vm, Architecture host) {
    constexpr unsigned kUsual = 4;
    if (vm.hot_plug_ports)
        return vm.hot_plug_ports->number;
    return vm.hardware >= HardwareVersion::v0_8 && has_root_ports(vm, host) ? kUsual : 0;
}

VideoCard video_card(const Vm &vm, Architecture host) {
    if (vm.screen.card)
        return *vm.screen.card;
    if (!machine_traits(vm, host).has_isa)
        return VideoCard::virtio;
    return vm.display == Display::spice ? VideoCard::qxl : VideoCard::standard;
}

bool has_memory_object(const Vm &vm) {
    const MemorySettings &memory = vm.memory_settings;
    return memory.huge_pages.are_used || memory.shared || memory.preallocated ||
           std::ranges::any_of(vm.shares,
                               [](const Share &s) { return s.type == ShareType::virtiofs; });
}

bool falls_back_to_tcg(const Vm &vm, Architecture host) {
    return vm.accelerator == Accelerator::automatic && vm.architecture.value_or(host) == host;
}

bool order_is_letters(const Vm &vm) {
    const auto &order = vm.boot.order;
    const auto has_name = [&](const auto &device) {
        return device.name == order.front();
    };
    return order.size() == 1 && order.front().find_first_not_of("abcdnop") == std::string::npos &&
           std::ranges::none_of(vm.drives, has_name) && std::ranges::none_of(vm.networks, has_name);
}

// QEMU gives 0 to the ROM that starts a kernel, and lets nobody else have it (hw/i386/x86.c).
unsigned first_boot_index(const Vm &vm) {
    return vm.boot.kernel ? 1 : 0;
}

std::optional<unsigned> boot_index(const Vm &vm, std::string_view device,
                                   const std::optional<BootPosition> &own) {
    if (own)
        return own->number;
    const auto it = std::ranges::find(vm.boot.order, device);
    if (it == vm.boot.order.end())
        return std::nullopt;
    return first_boot_index(vm) + static_cast<unsigned>(it - vm.boot.order.begin());
}

bool is_tap(const Network &network) {
    return network.type == NetworkType::tap || network.type == NetworkType::bridge;
}

bool names_port_privilege(const Vm &vm) {
    return std::ranges::any_of(vm.service_lines, [](const UnitLine &line) {
        return line.key == "AmbientCapabilities" &&
               line.value.find("CAP_NET_BIND_SERVICE") != line.value.npos;
    });
}

std::string tap_name(const Vm &vm, const Network &network) {
    if (network.interface)
        return network.interface->text;
    std::string name = fmt::format("{}-{}", vm.name, network.name);
    if (is_interface_name(name))
        return name;
    return fmt::format("qemu-{:06x}", hash_of_name(vm, network));
}

std::string console_parameter(const Vm &vm, Architecture host) {
    const bool is_uart = effective_type(vm, vm.serials.front(), host) == SerialType::isa;
    return fmt::format("console={}", is_uart ? machine_traits(vm, host).uart : "hvc0");
}

}  // namespace qemunit::generator
