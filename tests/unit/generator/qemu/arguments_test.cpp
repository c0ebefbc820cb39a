// SPDX-License-Identifier: MIT
//
// A VM -> QEMU's argv, on each kind of machine.
#include "generator/qemu/arguments.h"

#include <gtest/gtest.h>

#include "generator/vm/defaults.h"
#include "tests/unit/generator/command_words.h"

namespace qemunit::generator {
namespace {

using testing::arguments;
using testing::devices;
using testing::options;
using testing::Texts;

TEST(QemuArgumentsTest, TheLeastVm) {
    EXPECT_EQ(arguments(""), (Texts{"/usr/bin/qemu-system-x86_64",
                                    "-name",
                                    "guest=vm1,debug-threads=on",
                                    "-nodefaults",
                                    "-no-user-config",
                                    "-machine",
                                    "q35",
                                    "-accel",
                                    "kvm",
                                    "-accel",
                                    "tcg",
                                    "-cpu",
                                    "max",
                                    "-smp",
                                    "1",
                                    "-m",
                                    "1024M",
                                    "-serial",
                                    "chardev:serial",
                                    "-display",
                                    "none"}));
}

TEST(QemuArgumentsTest, TheMachineItself) {
    const Texts words = arguments(
        "[VM]\nMachine=pc\nAccelerator=tcg\nCPU=qemu64,+avx\nCPUs=3\nMemory=1073741825\n"
        "UUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8\nQEMU=/opt/q emu\n");
    EXPECT_EQ(words.front(), "/opt/q emu");
    EXPECT_EQ(options(words, {"-machine", "-accel", "-cpu", "-smp", "-m", "-uuid"}),
              (Texts{"-machine pc", "-accel tcg", "-cpu qemu64,+avx", "-smp 3", "-m 1073741825B",
                     "-uuid 6ba7b810-9dad-11d1-80b4-00c04fd430c8"}));
}

TEST(QemuArgumentsTest, MemoryIsInMebibytesWhereItCanBe) {
    const auto memory = [](const std::string &size) {
        return options(arguments("[VM]\nMemory=" + size + "\n"), {"-m"}).front();
    };
    EXPECT_EQ(memory("1M"), "-m 1M");
    EXPECT_EQ(memory("2G"), "-m 2048M");
    EXPECT_EQ(memory("1T"), "-m 1048576M");
    EXPECT_EQ(memory("1536K"), "-m 1572864B");
}

TEST(QemuArgumentsTest, KvmIsTriedForTheHostsOwnArchitecture) {
    const auto accel = [](const std::string &ini, Architecture host) {
        return options(arguments("[VM]\n" + ini + "\n", host), {"-accel"});
    };
    const Texts both = {"-accel kvm", "-accel tcg"}, tcg = {"-accel tcg"}, kvm = {"-accel kvm"};
    EXPECT_EQ(accel("", Architecture::x86_64), both);
    EXPECT_EQ(accel("", Architecture::aarch64), both);
    EXPECT_EQ(accel("Architecture=aarch64", Architecture::aarch64), both);
    EXPECT_EQ(accel("Architecture=aarch64", Architecture::x86_64), tcg);
    EXPECT_EQ(accel("Architecture=i386", Architecture::x86_64), tcg);
    EXPECT_EQ(accel("Accelerator=kvm", Architecture::x86_64), kvm);
    EXPECT_EQ(accel("Accelerator=tcg", Architecture::x86_64), tcg);
}

TEST(QemuArgumentsTest, EachArchitecture) {
    const auto machine = [](const std::string &architecture) {
        const Texts words = arguments("[VM]\nArchitecture=" + architecture + "\n");
        Texts found = options(words, {"-machine", "-cpu"});
        found.insert(found.begin(), words.front());
        return found;
    };
    EXPECT_EQ(machine("i386"), (Texts{"/usr/bin/qemu-system-i386", "-machine q35", "-cpu max"}));
    EXPECT_EQ(machine("arm64"),
              (Texts{"/usr/bin/qemu-system-aarch64", "-machine virt", "-cpu max"}));
    EXPECT_EQ(machine("arm"), (Texts{"/usr/bin/qemu-system-arm", "-machine virt", "-cpu max"}));
    EXPECT_EQ(machine("riscv64"), (Texts{"/usr/bin/qemu-system-riscv64", "-machine virt"}));
}

TEST(QemuArgumentsTest, AKernelWithItsCompanions) {
    EXPECT_EQ(options(arguments("[Boot]\nKernel=/boot/vmlinuz\nInitrd=initrd.img\nAppend=quiet "
                                " root=/dev/vda\nAppend=a,b\n"),
                      {"-kernel", "-initrd", "-append"}),
              (Texts{"-kernel /boot/vmlinuz", "-initrd /var/lib/qemunit/vm1/initrd.img",
                     "-append quiet  root=/dev/vda a,b"}));
}

TEST(QemuArgumentsTest, FurtherArgumentsComeLastAsTheyAre) {
    const Texts words = arguments("[VM]\nArguments=-device \"a,b c\" ''\nArguments=-S\n");
    EXPECT_EQ(Texts(words.end() - 4, words.end()), (Texts{"-device", "a,b c", "", "-S"}));
}

TEST(QemuArgumentsTest, TheClock) {
    for (const char *base : {"utc", "localtime", "2026-01-31T12:00:00"})
        EXPECT_EQ(options("[VM]\nClock=" + std::string(base) + "\n", {"-rtc"}),
                  Texts{"-rtc base=" + std::string(base)});
    EXPECT_EQ(options("", {"-rtc"}), Texts{});
}

TEST(QemuArgumentsTest, SmallDevices) {
    const std::string all =
        "[VM]\nRNG=yes\nBalloon=yes\nVSockCID=42\nWatchdog=poweroff\nOnPanic=pause\n";
    EXPECT_EQ(options(all, {"-object", "-device", "-action"}),
              (Texts{"-object rng-builtin,id=qemunit-rng", "-device virtio-rng-pci,rng=qemunit-rng",
                     "-device virtio-balloon-pci,free-page-reporting=on",
                     "-device vhost-vsock-pci,guest-cid=42", "-device i6300esb",
                     "-action watchdog=poweroff", "-device pvpanic-pci", "-action panic=pause"}));
    EXPECT_EQ(devices("[VM]\nMachine=microvm\nRNG=yes\nBalloon=yes\nVSockCID=42\n"),
              (Texts{"-device virtio-rng-device,rng=qemunit-rng",
                     "-device virtio-balloon-device,free-page-reporting=on",
                     "-device vhost-vsock-device,guest-cid=42"}));
    for (const char *architecture : {"i386", "aarch64", "arm", "riscv64"})
        EXPECT_EQ(devices(all + "Architecture=" + architecture + "\n"), devices(all));
}

TEST(QemuArgumentsTest, WhatTheWatchdogDoes) {
    const auto action = [](const std::string &word) {
        return options("[VM]\nWatchdog=" + word + "\n", {"-action"});
    };
    for (const char *word : {"reset", "shutdown", "poweroff", "pause", "inject-nmi", "none"})
        EXPECT_EQ(action(word), Texts{"-action watchdog=" + std::string(word)});
    EXPECT_EQ(action("yes"), Texts{"-action watchdog=reset"});
    EXPECT_EQ(action("no"), Texts{});
}

// QEMU fails, and systemd does what follows.
TEST(QemuArgumentsTest, WhatAPanicDoes) {
    const auto action = [](const std::string &word) {
        return options("[VM]\nOnPanic=" + word + "\n", {"-action"}).front();
    };
    EXPECT_EQ(action("fail"), "-action panic=exit-failure");
    EXPECT_EQ(action("restart"), "-action panic=exit-failure");
    EXPECT_EQ(action("pause"), "-action panic=pause");
}

TEST(QemuArgumentsTest, Uefi) {
    Vm vm = testing::from_ini("[VM]\nFirmware=uefi\n").vm;
    vm.uefi = {"/usr/share/a,b/CODE.fd", "raw", "/usr/share/VARS.fd", "qcow2"};
    const Texts flash = {
        "-drive if=pflash,unit=0,file=/usr/share/a,,b/CODE.fd,format=raw,readonly=on",
        "-drive if=pflash,unit=1,file=/var/lib/qemunit/vm1/uefi-variables.fd,format=qcow2"};
    const Texts names = {"-machine", "-drive", "-global"};
    Texts expected = flash;
    expected.insert(expected.begin(), "-machine q35");
    EXPECT_EQ(options(qemu_arguments(vm, Architecture::x86_64), names), expected);

    vm.firmware = Firmware::uefi_secure;
    expected.front() = "-machine q35,smm=on";
    expected.push_back("-global driver=cfi.pflash01,property=secure,value=on");
    EXPECT_EQ(options(qemu_arguments(vm, Architecture::x86_64), names), expected);
}

TEST(QemuArgumentsTest, SecureBootStartsAKernelThatAShimChecksOrNobody) {
    const auto checked = [](const std::string &ini) {
        return options("[Boot]\nKernel=/k\n" + ini, {"-shim", "-fw_cfg"});
    };
    const std::string loader = "-fw_cfg name=opt/org.tianocore/EnableLegacyLoader,string=";
    EXPECT_EQ(checked("[VM]\nFirmware=uefi-secure\n"), Texts{loader + "yes"});
    EXPECT_EQ(checked("Shim=/s\n[VM]\nFirmware=uefi-secure\n"), (Texts{"-shim /s", loader + "no"}));
    EXPECT_EQ(checked("Shim=/s\n[VM]\nFirmware=uefi\n"), Texts{"-shim /s"});
    EXPECT_EQ(checked(""), Texts{});
    EXPECT_EQ(options("[VM]\nFirmware=uefi-secure\n", {"-fw_cfg"}), Texts{});
}

TEST(QemuArgumentsTest, AKernelPrintsOnTheFirstPort) {
    const auto append = [](const std::string &ini) {
        return options(ini + "[Boot]\nKernel=/k\n", {"-append"}).front();
    };
    EXPECT_EQ(append(""), "-append console=ttyS0");
    for (const auto &[architecture, console] :
         {std::pair("i386", "ttyS0"), std::pair("aarch64", "ttyAMA0"), std::pair("arm", "ttyAMA0"),
          std::pair("riscv64", "ttyS0")})
        EXPECT_EQ(append("[VM]\nArchitecture=" + std::string(architecture) + "\n"),
                  "-append console=" + std::string(console));
    EXPECT_EQ(append("[VM]\nMachine=microvm\n"), "-append console=ttyS0");
    EXPECT_EQ(append("[Serial serial]\nType=virtio\n"), "-append console=hvc0");
    EXPECT_EQ(append("[Serial debug]\nType=virtio\n"), "-append console=ttyS0");
    EXPECT_EQ(append("[Boot]\nAppend=quiet\n"), "-append quiet");
}

TEST(QemuArgumentsTest, AFolderAsTheRootFileSystem) {
    const auto append = [](const std::string &ini) {
        return options("[Boot]\nKernel=/k\n[Share r]\nPath=/srv\nRoot=yes\n" + ini, {"-append"})
            .front();
    };
    const std::string by_9p = "rootfstype=9p rootflags=trans=virtio,version=9p2000.L ";
    EXPECT_EQ(append(""), "-append root=r " + by_9p + "rw console=ttyS0");
    EXPECT_EQ(append("ReadOnly=yes\nTag=os\n"), "-append root=os " + by_9p + "ro console=ttyS0");
    EXPECT_EQ(append("Type=virtiofs\n"), "-append root=r rootfstype=virtiofs rw console=ttyS0");
    // The user's words come last and so win.
    EXPECT_EQ(append("[Boot]\nAppend=ro\n"), "-append root=r " + by_9p + "rw ro");
    EXPECT_EQ(append("[Share other]\nPath=/o\n"), append(""));
}

TEST(QemuArgumentsTest, TheOrderByNames) {
    EXPECT_EQ(options("[Boot]\nOrder=lan b\n[Drive a]\nFile=/a\n[Drive b]\nFile=/b\n"
                      "[Network lan]\nMAC=52:54:00:aa:bb:cc\n",
                      {"-boot", "-device"}),
              (Texts{"-device virtio-blk-pci,drive=a,id=a",
                     "-device virtio-blk-pci,drive=b,id=b,bootindex=1",
                     "-device virtio-net-pci,netdev=lan,id=lan,mac=52:54:00:aa:bb:cc,"
                     "bootindex=0"}));
    // The ROM that starts a kernel has 0.
    EXPECT_EQ(options("[Boot]\nKernel=/k\nOrder=a\n[Drive a]\nFile=/a\n", {"-device"}),
              Texts{"-device virtio-blk-pci,drive=a,id=a,bootindex=1"});
}

TEST(QemuArgumentsTest, TheOrderByLetters) {
    EXPECT_EQ(options("[Boot]\nOrder=cdn\nMenu=yes\n", {"-boot"}),
              Texts{"-boot order=cdn,menu=on"});
    EXPECT_EQ(options("[Boot]\nMenu=yes\n", {"-boot"}), Texts{"-boot menu=on"});
    // A drive of that name is meant where there is one.
    EXPECT_EQ(options("[Boot]\nOrder=c\n[Drive c]\nFile=/c\n", {"-boot", "-device"}),
              Texts{"-device virtio-blk-pci,drive=c,id=c,bootindex=0"});
}

TEST(QemuArgumentsTest, ASnapshotToStartFrom) {
    EXPECT_EQ(options("[VM]\nLoadSnapshot=clean boot\n", {"-loadvm"}), Texts{"-loadvm clean boot"});
}

TEST(AbsolutePathTest, ARelativePathIsInTheStateDirectory) {
    Vm vm;
    vm.name = "vm1";
    EXPECT_EQ(absolute_path(vm, FilePath{"/a/b"}), "/a/b");
    EXPECT_EQ(absolute_path(vm, FilePath{"b.img"}), "/var/lib/qemunit/vm1/b.img");
    EXPECT_EQ(absolute_path(vm, FilePath{"a/b.img"}), "/var/lib/qemunit/vm1/a/b.img");
}

}  // namespace
}  // namespace qemunit::generator
