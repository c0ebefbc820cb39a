// SPDX-License-Identifier: MIT
#include "generator/qemu/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/concat.h"
#include "common/paths.h"
#include "generator/qemu/devices.h"
#include "generator/vm/mac_address.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

constexpr std::string_view kSharedMemory = "qemunit-memory";

std::string size_text(MemorySize size) {
    constexpr uint64_t kMiB = 1 << 20;
    if (size.bytes % kMiB == 0)
        return concat(fmt::to_string(size.bytes / kMiB), "M");
    return concat(fmt::to_string(size.bytes), "B");
}

// virtiofsd maps the guest's memory.
bool shares_memory(const Vm &vm) {
    return std::ranges::any_of(vm.shares,
                               [](const Share &s) { return s.type == ShareType::virtiofs; });
}

void add_machine(CommandLine &line) {
    const Vm &vm = line.vm();
    const std::string memory = size_text(vm.memory.value_or(MemorySize{1u << 30}));
    OptionValue machine(line.traits().machine);
    if (vm.firmware == Firmware::uefi_secure)
        machine.add("smm", "on");
    if (shares_memory(vm)) {
        line.add("-object", OptionValue("memory-backend-memfd")
                                .add("id", kSharedMemory)
                                .add("size", memory)
                                .add("share", "on"));
        machine.add("memory-backend", kSharedMemory);
    }
    line.add("-machine", std::move(machine));
    // In this order: QEMU takes the first that it can initialise.
    if (vm.accelerator == Accelerator::kvm || falls_back_to_tcg(vm, line.host()))
        line.add("-accel", "kvm");
    if (vm.accelerator != Accelerator::kvm)
        line.add("-accel", "tcg");
    if (!vm.cpu.empty())
        line.add("-cpu", vm.cpu);
    else if (!line.traits().cpu.empty())
        line.add("-cpu", std::string(line.traits().cpu));
    line.add("-smp", fmt::to_string(vm.cpus.value_or(CpuCount{1}).count));
    line.add("-m", memory);
    if (vm.uuid)
        line.add("-uuid", vm.uuid->text);
    if (vm.clock)
        line.add("-rtc", OptionValue().add("base", vm.clock->text));
}

void add_firmware(CommandLine &line) {
    const Vm &vm = line.vm();
    if (!vm.uefi)
        return;
    line.add("-drive", OptionValue()
                           .add("if", "pflash")
                           .add("unit", "0")
                           .add("file", vm.uefi->code)
                           .add("format", vm.uefi->code_format)
                           .add("readonly", "on"));
    line.add("-drive", OptionValue()
                           .add("if", "pflash")
                           .add("unit", "1")
                           .add("file", vm.paths.uefi_variables_path(vm.name))
                           .add("format", vm.uefi->variables_format));
    if (vm.firmware == Firmware::uefi_secure)  // only the firmware's own mode may write them
        line.add("-global", "driver=cfi.pflash01,property=secure,value=on");
}

// What the ini says comes last, so that it wins.
std::string kernel_command_line(const CommandLine &line) {
    const Vm &vm = line.vm();
    std::vector<std::string> parts;
    for (const Share &share : vm.shares) {
        if (!share.root)
            continue;
        parts.push_back(fmt::format("root={}", effective_tag(share)));
        parts.push_back(share.type == ShareType::virtiofs
                            ? "rootfstype=virtiofs"
                            : "rootfstype=9p rootflags=trans=virtio,version=9p2000.L");
        parts.push_back(share.read_only ? "ro" : "rw");
    }
    if (vm.boot.append.empty())
        parts.push_back(console_parameter(vm, line.host()));
    parts.insert(parts.end(), vm.boot.append.begin(), vm.boot.append.end());
    return fmt::format("{}", fmt::join(parts, " "));
}

// OVMF cannot check a kernel itself, since it does not have the distributions' keys. What starts it
// all the same, the legacy loader, is on by default until edk2 2025.11, and off from 2026.02 on;
// see OvmfPkg/RUNTIME_CONFIG.md there. With a shim, whose verdict counts, it must be off.
void add_boot(CommandLine &line) {
    const Vm &vm = line.vm();
    if (vm.boot.kernel) {
        line.add("-kernel", absolute_path(vm, *vm.boot.kernel));
        if (vm.boot.initrd)
            line.add("-initrd", absolute_path(vm, *vm.boot.initrd));
        if (vm.boot.shim)
            line.add("-shim", absolute_path(vm, *vm.boot.shim));
        if (vm.firmware == Firmware::uefi_secure)
            line.add("-fw_cfg", OptionValue()
                                    .add("name", "opt/org.tianocore/EnableLegacyLoader")
                                    .add("string", vm.boot.shim ? "no" : "yes"));
        line.add("-append", kernel_command_line(line));
    }
    OptionValue boot;
    if (order_is_letters(vm))
        boot.add("order", vm.boot.order.front());
    if (vm.boot.menu)
        boot.add("menu", "on");
    if (!boot.text().empty())
        line.add("-boot", std::move(boot));
    if (!vm.load_snapshot.empty())
        line.add("-loadvm", vm.load_snapshot);
}

// What a guest is not aware of until it looks for it.
void add_small_devices(CommandLine &line) {
    const Vm &vm = line.vm();
    if (vm.rng) {
        line.add("-object", "rng-builtin,id=qemunit-rng");
        line.add_device(OptionValue(line.virtio("rng")).add("rng", "qemunit-rng"));
    }
    if (vm.balloon)
        line.add_device(OptionValue(line.virtio("balloon")).add("free-page-reporting", "on"));
    if (vm.vsock_cid)
        line.add_device(
            OptionValue(line.traits().has_pci ? "vhost-vsock-pci" : "vhost-vsock-device")
                .add("guest-cid", fmt::to_string(vm.vsock_cid->number)));
    if (vm.watchdog != WatchdogAction::no) {
        line.add_device(OptionValue("i6300esb"));
        line.add("-action", OptionValue().add("watchdog", name_of(vm.watchdog)));
    }
    if (vm.on_panic) {
        line.add_device(OptionValue("pvpanic-pci"));
        line.add("-action",
                 *vm.on_panic == PanicAction::pause ? "panic=pause" : "panic=exit-failure");
    }
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

std::vector<std::string> qemu_arguments(const Vm &vm, Architecture host) {
    CommandLine line(vm, host);
    line.add(qemu_program(vm, host));
    line.add("-name", OptionValue().add("guest", vm.name).add("debug-threads", "on"));
    line.add("-nodefaults");
    line.add("-no-user-config");
    add_machine(line);
    add_firmware(line);
    add_boot(line);
    for (const Drive &drive : vm.drives)
        add_drive(line, drive);
    for (const Network &network : vm.networks)
        add_network(line, network);
    for (const Serial &serial : vm.serials)
        add_serial(line, serial);
    for (const Channel &channel : vm.channels)
        add_channel(line, channel);
    if (vm.guest_agent)
        add_guest_agent(line);
    for (const Share &share : vm.shares)
        add_share(line, share);
    for (const Credential &credential : vm.credentials)
        add_credential(line, credential);
    if (vm.tpm)
        add_tpm(line);
    add_small_devices(line);
    add_display(line);
    for (const QemuWord &word : vm.arguments)
        line.add(word.text);
    return line.take();
}

}  // namespace qemunit::generator
