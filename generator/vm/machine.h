// SPDX-License-Identifier: MIT
//
// What differs from machine to machine in QEMU: its program, its defaults, its buses.
#pragma once

#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

enum class BuiltInDisks {
    none,
    ide,   // pc: two channels with two drives each
    ahci,  // q35: six ports
};

struct MachineTraits {
    std::string_view program;  // "qemu-system-x86_64"
    std::string machine;
    std::string_view cpu;   // "": QEMU's own default is the best there is
    bool has_pcie;          // root ports can be added
    bool has_pci;           // else virtio devices sit on virtio-mmio
    unsigned uarts;         // how many ports `-serial` can give
    std::string_view uart;  // what Linux calls the first one: "ttyS0"
    BuiltInDisks disks;
    bool has_isa;
    bool has_one_cpu_model;  // and as many processors as the board has, unless the ini says more
    std::string_view tpm;  // the model of its TPM; "": none
};

// The architecture that `architecture` names in systemd's words ("x86-64") or the
// kernel's ("x86_64"); x86_64 if it is none of ours.
Architecture host_architecture(std::string_view architecture);

// By the VM's Architecture= and Machine=, where given.
MachineTraits machine_traits(const Vm &vm, Architecture host);

}  // namespace qemunit::generator
