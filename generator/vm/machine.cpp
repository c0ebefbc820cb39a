// SPDX-License-Identifier: MIT
#include "generator/vm/machine.h"

namespace qemunit::generator {

Architecture host_architecture(std::string_view architecture) {
    if (architecture == "arm64" || architecture == "aarch64")
        return Architecture::aarch64;
    if (architecture.starts_with("arm"))
        return Architecture::arm;
    if (architecture == "riscv64")
        return Architecture::riscv64;
    if (architecture == "x86" || architecture == "i386" || architecture == "i686")
        return Architecture::i386;
    return Architecture::x86_64;
}

MachineTraits machine_traits(const Vm &vm, Architecture host) {
    MachineTraits traits{.program = "",
                         .machine = "virt",
                         .cpu = "max",
                         .has_pci = true,
                         .uarts = 1,
                         .uart = "ttyAMA0",
                         .disks = BuiltInDisks::none,
                         .has_isa = false,
                         .tpm = "tpm-tis-device"};
    bool is_x86 = false;
    switch (vm.architecture.value_or(host)) {
        case Architecture::x86_64:
            traits.program = "qemu-system-x86_64";
            is_x86 = true;
            break;
        case Architecture::i386:
            traits.program = "qemu-system-i386";
            is_x86 = true;
            break;
        case Architecture::aarch64:
            traits.program = "qemu-system-aarch64";
            break;
        case Architecture::arm:
            traits.program = "qemu-system-arm";
            break;
        case Architecture::riscv64:
            traits.program = "qemu-system-riscv64";
            traits.cpu = "";  // 7.2 has no "max" there
            traits.uart = "ttyS0";
            traits.tpm = "";
            break;
    }
    if (is_x86) {
        traits.machine = "q35";
        traits.uarts = 4;
        traits.uart = "ttyS0";
        traits.tpm = "tpm-crb";
        traits.has_isa = true;
        traits.disks = BuiltInDisks::ahci;
    }
    if (vm.machine)
        traits.machine = vm.machine->text;
    if (traits.machine == "microvm") {
        traits.has_pci = false;
        traits.has_isa = false;
        traits.uarts = 1;
        traits.disks = BuiltInDisks::none;
        traits.tpm = "";
    } else if (traits.machine == "pc" || traits.machine.starts_with("pc-i440fx")) {
        traits.disks = BuiltInDisks::ide;
    }
    return traits;
}

}  // namespace qemunit::generator
