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

void add_firmware(CommandLine &line) {
    const Vm &vm = line.vm();
    if (vm.boot.bios)
        line.add("-bios", absolute_path(vm, *vm.boot.bios));
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
    if (vm.boot.device_tree)
        line.add("-dtb", absolute_path(vm, *vm.boot.device_tree));
    for (const SmbiosTable &table : vm.boot.smbios)
        line.add("-smbios", table.text);
    for (const FirmwareFile &file : vm.boot.firmware_files)
        line.add("-fw_cfg",
                 OptionValue().add("name", file.name).add("file", absolute_path(vm, file.file)));
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
    if (has_rng(vm, line.host())) {
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
    if (vm.on_reboot == RebootAction::poweroff)
        line.add("-action", "reboot=shutdown");
    if (vm.starts_paused)
        line.add("-S");
    if (vm.debugger)
        line.add("-gdb", concat("unix:", double_commas(vm.paths.state_dir(vm.name)),
                                "/gdb.sock,server=on,wait=off"));
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
    for (const HostDevice &device : vm.host_devices)
        add_host_device(line, device);
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
    for (const Sound &sound : vm.sounds)
        add_sound(line, sound);
    for (const QemuWord &word : vm.arguments)
        line.add(word.text);
    return line.take();
}

}  // namespace qemunit::generator
