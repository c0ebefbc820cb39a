// SPDX-License-Identifier: MIT
#include "generator/qemu/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/concat.h"
#include "common/paths.h"
#include "common/shared_names.h"
#include "generator/qemu/devices.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"

namespace qemunit::generator {

namespace {

std::string size_text(MemorySize size) {
    constexpr uint64_t kMiB = 1 << 20;
    if (size.bytes % kMiB == 0)
        return concat(fmt::to_string(size.bytes / kMiB), "M");
    return concat(fmt::to_string(size.bytes), "B");
}

// The guest's memory has to be shared with virtiofsd, which maps it.
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
                                .add("id", kMemoryId)
                                .add("size", memory)
                                .add("share", "on"));
        machine.add("memory-backend", kMemoryId);
    }
    line.add("-machine", std::move(machine));
    // The order counts: QEMU takes the first accelerator that it can initialise.
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

// The parameters of the ini come last, so that they win over ours.
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

// OVMF cannot check a kernel itself, since it does not have the distributions' keys. The legacy
// loader, which starts the kernel unchecked, is on by default until edk2 2025.11, and off from
// 2026.02 on (OvmfPkg/RUNTIME_CONFIG.md there). With a shim, whose verdict counts, it must be off.
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

// Devices that a guest does not notice until it looks for them.
void add_small_devices(CommandLine &line) {
    const Vm &vm = line.vm();
    if (vm.rng) {
        line.add("-object", concat("rng-builtin,id=", kRngId));
        line.add_device(OptionValue(line.virtio("rng")).add("rng", kRngId));
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
    add_cloud_init(line);
    if (vm.tpm)
        add_tpm(line);
    add_small_devices(line);
    add_display(line);
    for (const QemuWord &word : vm.arguments)
        line.add(word.text);
    return line.take();
}

}  // namespace qemunit::generator
