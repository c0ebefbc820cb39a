// SPDX-License-Identifier: MIT
#include "generator/vm/machine.h"

#include <algorithm>

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

namespace {

// Boards that QEMU does not start with `-cpu max` or with `-smp 1`, or that have the processor that
// they have whatever -cpu says. All others take what we say, and keep it.
bool is_fixed_board(std::string_view machine) {
    constexpr std::string_view kBoards[] = {"akita",
                                            "ast1030",
                                            "ast2600",
                                            "bletchley",
                                            "borzoi",
                                            "cubieboard",
                                            "collie",
                                            "connex",
                                            "emcraft",
                                            "fby35",
                                            "fuji",
                                            "kudo",
                                            "lm3s",
                                            "mainstone",
                                            "microbit",
                                            "mori",
                                            "mps2",
                                            "mps3",
                                            "musca",
                                            "netduino",
                                            "npcm",
                                            "nuri",
                                            "olimex",
                                            "orangepi",
                                            "qcom",
                                            "quanta-g",
                                            "rainier",
                                            "raspi",
                                            "realview-pbx-a9",
                                            "smdkc210",
                                            "spitz",
                                            "stm32",
                                            "tacoma",
                                            "terrier",
                                            "tosa",
                                            "verdex",
                                            "vexpress-a9",
                                            "xilinx-zynq",
                                            "z2",
                                            "b-l475e",
                                            "bpim2u"};
    return std::ranges::any_of(kBoards,
                               [&](std::string_view board) { return machine.starts_with(board); });
}

}  // namespace

MachineTraits machine_traits(const Vm &vm, Architecture host) {
    MachineTraits traits{.program = "",
                         .machine = "virt",
                         .cpu = "max",
                         .has_pcie = true,
                         .has_pci = true,
                         .uarts = 1,
                         .uart = "ttyAMA0",
                         .disks = BuiltInDisks::none,
                         .has_isa = false,
                         .has_one_cpu_model = false,
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
        traits.has_pcie = false;
        traits.has_pci = false;
        traits.has_isa = false;
        traits.uarts = 1;
        traits.disks = BuiltInDisks::none;
        traits.tpm = "";
    } else if (traits.machine == "pc" || traits.machine.starts_with("pc-i440fx")) {
        traits.has_pcie = false;
        traits.disks = BuiltInDisks::ide;
    } else if (is_fixed_board(traits.machine)) {
        traits.has_one_cpu_model = true;
        traits.cpu = "";
        traits.has_pcie = false;
    }
    return traits;
}

}  // namespace qemunit::generator
