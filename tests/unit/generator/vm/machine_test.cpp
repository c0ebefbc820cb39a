// SPDX-License-Identifier: MIT
#include "generator/vm/machine.h"

#include <gtest/gtest.h>

namespace qemunit::generator {
namespace {

TEST(HostArchitectureTest, KnowsTheWordsOfSystemdAndOfTheKernel) {
    for (const char *name : {"x86-64", "x86_64", "", "s390x"})
        EXPECT_EQ(host_architecture(name), Architecture::x86_64) << name;
    for (const char *name : {"x86", "i386", "i686"})
        EXPECT_EQ(host_architecture(name), Architecture::i386) << name;
    for (const char *name : {"arm64", "aarch64"})
        EXPECT_EQ(host_architecture(name), Architecture::aarch64) << name;
    for (const char *name : {"arm", "armv7l", "armv6l"})
        EXPECT_EQ(host_architecture(name), Architecture::arm) << name;
    EXPECT_EQ(host_architecture("riscv64"), Architecture::riscv64);
}

MachineTraits traits(std::optional<Architecture> architecture, const char *machine = nullptr,
                     Architecture host = Architecture::x86_64) {
    Vm vm;
    vm.architecture = architecture;
    if (machine != nullptr)
        vm.machine = QemuName{machine};
    return machine_traits(vm, host);
}

TEST(MachineTraitsTest, EachArchitectureHasItsProgram) {
    EXPECT_EQ(traits(Architecture::x86_64).program, "qemu-system-x86_64");
    EXPECT_EQ(traits(Architecture::i386).program, "qemu-system-i386");
    EXPECT_EQ(traits(Architecture::aarch64).program, "qemu-system-aarch64");
    EXPECT_EQ(traits(Architecture::arm).program, "qemu-system-arm");
    EXPECT_EQ(traits(Architecture::riscv64).program, "qemu-system-riscv64");
}

TEST(MachineTraitsTest, WithoutArchitectureItIsTheHosts) {
    EXPECT_EQ(traits({}).program, "qemu-system-x86_64");
    EXPECT_EQ(traits({}, nullptr, Architecture::aarch64).program, "qemu-system-aarch64");
    EXPECT_EQ(traits(Architecture::arm, nullptr, Architecture::aarch64).program, "qemu-system-arm");
}

TEST(MachineTraitsTest, DefaultsOfX86) {
    for (Architecture x86 : {Architecture::x86_64, Architecture::i386}) {
        const MachineTraits t = traits(x86);
        EXPECT_EQ(t.machine, "q35");
        EXPECT_EQ(t.cpu, "max");
        EXPECT_EQ(t.uarts, 4u);
        EXPECT_EQ(t.disks, BuiltInDisks::ahci);
        EXPECT_TRUE(t.has_pci);
        EXPECT_TRUE(t.has_isa);
    }
}

TEST(MachineTraitsTest, DefaultsOfTheOthers) {
    for (Architecture other : {Architecture::aarch64, Architecture::arm, Architecture::riscv64}) {
        const MachineTraits t = traits(other);
        EXPECT_EQ(t.machine, "virt");
        EXPECT_EQ(t.cpu, other == Architecture::riscv64 ? "" : "max");
        EXPECT_EQ(t.uarts, 1u);
        EXPECT_EQ(t.disks, BuiltInDisks::none);
        EXPECT_TRUE(t.has_pci);
        EXPECT_FALSE(t.has_isa);
    }
}

TEST(MachineTraitsTest, PcHasIde) {
    for (const char *pc : {"pc", "pc-i440fx-7.2"}) {
        EXPECT_EQ(traits({}, pc).disks, BuiltInDisks::ide);
        EXPECT_EQ(traits({}, pc).uarts, 4u);
        EXPECT_TRUE(traits({}, pc).has_isa);
    }
    EXPECT_EQ(traits({}, "pc-q35-7.2").disks, BuiltInDisks::ahci);
}

TEST(MachineTraitsTest, MicrovmHasNoBuses) {
    const MachineTraits t = traits({}, "microvm");
    EXPECT_EQ(t.machine, "microvm");
    EXPECT_FALSE(t.has_pci);
    EXPECT_FALSE(t.has_isa);
    EXPECT_EQ(t.uarts, 1u);
    EXPECT_EQ(t.disks, BuiltInDisks::none);
}

TEST(MachineTraitsTest, WhatLinuxCallsTheFirstPort) {
    EXPECT_EQ(traits(Architecture::x86_64).uart, "ttyS0");
    EXPECT_EQ(traits(Architecture::i386).uart, "ttyS0");
    EXPECT_EQ(traits(Architecture::riscv64).uart, "ttyS0");
    EXPECT_EQ(traits(Architecture::aarch64).uart, "ttyAMA0");
    EXPECT_EQ(traits(Architecture::arm).uart, "ttyAMA0");
    EXPECT_EQ(traits({}, "microvm").uart, "ttyS0");
}

TEST(MachineTraitsTest, ModelsOfTheTpm) {
    EXPECT_EQ(traits({}).tpm, "tpm-crb");
    EXPECT_EQ(traits({}, "pc").tpm, "tpm-crb");
    EXPECT_EQ(traits(Architecture::aarch64).tpm, "tpm-tis-device");
    EXPECT_EQ(traits(Architecture::arm).tpm, "tpm-tis-device");
    EXPECT_EQ(traits(Architecture::riscv64).tpm, "");
    EXPECT_EQ(traits({}, "microvm").tpm, "");
}

}  // namespace
}  // namespace qemunit::generator
