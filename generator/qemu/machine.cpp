// SPDX-License-Identifier: MIT
//
// The machine, its processors and its memory -> QEMU's words.
#include <fmt/format.h>

#include <algorithm>

#include "common/concat.h"
#include "common/shared_names.h"
#include "generator/qemu/devices.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

std::string size_text(MemorySize size) {
    constexpr uint64_t kMiB = 1 << 20;
    if (size.bytes % kMiB == 0)
        return concat(fmt::to_string(size.bytes / kMiB), "M");
    return concat(fmt::to_string(size.bytes), "B");
}

bool is_windows(const Vm &vm) {
    return vm.guest_os == GuestOs::windows;
}

bool has_option(const Vm &vm, std::string_view name) {
    return std::ranges::find(vm.machine_options, name, &MachineOption::name) !=
           vm.machine_options.end();
}

OptionValue machine_value(const CommandLine &line) {
    const Vm &vm = line.vm();
    OptionValue machine(line.traits().machine);
    if (vm.firmware == Firmware::uefi_secure)
        machine.add("smm", "on");
    // A timer by which Windows has a processor interrupted a thousand times a second.
    if (is_windows(vm) && line.traits().has_isa && !has_option(vm, "hpet"))
        machine.add("hpet", "off");
    // The BIOS says on the serial port what it does.
    if (vm.hardware >= HardwareVersion::v0_8 && vm.display == Display::none &&
        line.traits().has_isa && !has_option(vm, "graphics"))
        machine.add("graphics", "off");
    for (const MachineOption &option : vm.machine_options)
        machine.add(option.name, option.value);
    if (has_memory_object(vm))
        machine.add("memory-backend", kMemoryId);
    return machine;
}

// memfd where others shall map it, or the pages are huge, for which QEMU then needs no folder.
OptionValue memory_object(const Vm &vm, const std::string &size) {
    const MemorySettings &memory = vm.memory_settings;
    // virtiofsd maps the guest's memory.
    const bool is_shared = memory.shared || std::ranges::any_of(vm.shares, [](const Share &share) {
                               return share.type == ShareType::virtiofs;
                           });
    OptionValue object(is_shared || memory.huge_pages.are_used ? "memory-backend-memfd"
                                                               : "memory-backend-ram");
    object.add("id", kMemoryId).add("size", size).add("share", is_shared ? "on" : "off");
    if (memory.huge_pages.are_used)
        object.add("hugetlb", "on");
    if (memory.huge_pages.bytes > 0)
        object.add("hugetlbsize", size_text(MemorySize{memory.huge_pages.bytes}));
    if (memory.preallocated)
        object.add("prealloc", "on");
    return object;
}

void add_processors(CommandLine &line) {
    const Vm &vm = line.vm();
    if (const std::string model = cpu_model(vm, line.host()); !model.empty())
        line.add("-cpu", model);
    const Topology &topology = vm.topology;
    if (line.traits().has_one_cpu_model && !vm.cpus && !topology.is_given())
        return;
    OptionValue processors(fmt::to_string(cpu_count(vm)));
    for (const auto &[name, part] :
         {std::pair("sockets", &topology.sockets), std::pair("dies", &topology.dies),
          std::pair("cores", &topology.cores), std::pair("threads", &topology.threads),
          std::pair("maxcpus", &topology.maximum)})
        if (*part)
            processors.add(name, fmt::to_string((*part)->count));
    line.add("-smp", std::move(processors));
}

void add_memory(CommandLine &line, const std::string &size) {
    constexpr std::string_view kSlots = "16";
    const MemorySettings &memory = line.vm().memory_settings;
    OptionValue value(size);
    if (memory.maximum)
        value.add("slots", kSlots).add("maxmem", size_text(*memory.maximum));
    line.add("-m", std::move(value));
    if (memory.locked)
        line.add("-overcommit", "mem-lock=on");
}

}  // namespace

void add_machine(CommandLine &line) {
    const Vm &vm = line.vm();
    const std::string memory = size_text(vm.memory.value_or(MemorySize{1u << 30}));
    if (has_memory_object(vm))
        line.add("-object", memory_object(vm, memory));
    line.add("-machine", machine_value(line));
    // The order counts: QEMU takes the first accelerator that it can initialise.
    if (vm.accelerator == Accelerator::kvm || falls_back_to_tcg(vm, line.host()))
        line.add("-accel", "kvm");
    if (vm.accelerator != Accelerator::kvm)
        line.add("-accel", "tcg");
    add_processors(line);
    add_memory(line, memory);
    for (const DeviceProperty &property : vm.device_properties)
        line.add("-global", OptionValue()
                                .add("driver", property.driver)
                                .add("property", property.property)
                                .add("value", property.value));
    if (vm.uuid)
        line.add("-uuid", vm.uuid->text);
    if (const std::string base = clock_base(vm); !base.empty()) {
        OptionValue clock;
        clock.add("base", base);
        if (is_windows(vm))  // ticks that the guest has missed come later
            clock.add("driftfix", "slew");
        line.add("-rtc", std::move(clock));
    }
    for (unsigned port = 1; port <= hot_plug_ports(vm, line.host()); ++port) {
        // A chassis of its own each, far from those of people.
        constexpr unsigned kChassis = 200;
        line.add_device(OptionValue("pcie-root-port")
                            .add("id", fmt::format("{}{}", kPortIds, port))
                            .add("chassis", fmt::to_string(kChassis + port)));
    }
}

}  // namespace qemunit::generator
