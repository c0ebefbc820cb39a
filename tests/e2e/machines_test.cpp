// SPDX-License-Identifier: MIT
//
// Each architecture, machine and firmware starts with its defaults, and talks.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"

namespace qemunit::e2e {
namespace {

void expect_line(Journal &journal, const VmUnderTest &vm, const std::string &text) {
    auto line = journal.read_until_line(text);
    EXPECT_TRUE(line) << line.error().message << vm.status();
}

TEST(Machines, I386BootsFromADisk) {
    VmUnderTest vm("i386", boot_sector_ini() + "[VM]\nArchitecture=i386\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_line(journal, vm, "qemunit guest ready");
}

// Without Append=: the default is the machine's console.
TEST(Machines, MicrovmHasItsConsole) {
    std::string ini = linux_ini();
    ini.erase(ini.find("Append="));
    VmUnderTest vm("microvm", ini + "[VM]\nMachine=microvm\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_line(journal, vm, "Linux version");
}

// The host's, which QEMU's emulation passes on to the guest.
std::string tsc_khz() {
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);)
        if (line.starts_with("cpu MHz"))
            return std::to_string(std::lround(std::stod(line.substr(line.find(':') + 1)) * 1000));
    return "2000000";
}

// With tsc_early_khz=: a microvm has no clock but the TSC, and a Linux that must measure it
// hangs where a busy host gets in the way.
TEST(Machines, MicrovmBootsLinuxWithItsDevices) {
    VmUnderTest vm("microvm", linux_ini() + "Append=tsc_early_khz=" + tsc_khz() +
                                  "\n[VM]\nMachine=microvm\n"
                                  "[Drive root]\nFile=root.raw\nSize=4M\n[Network lan]\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_line(journal, vm, "qemunit guest ready");
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_mmio virtio_blk virtio_net");
    EXPECT_EQ(guest.run("cat /sys/block/vda/size"), "8192\n");
    EXPECT_NE(guest.run("ls /sys/class/net").find("eth0"), std::string::npos);
}

TEST(Machines, Riscv64RunsItsFirmware) {
    VmUnderTest vm("riscv64",
                   "[VM]\nArchitecture=riscv64\nMemory=128M\nStop=quit\n[Network lan]\n"
                   "[Drive root]\nFile=root.raw\nSize=4M\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_line(journal, vm, "OpenSBI");
}

// What QEMU shows; a guest for it would need another assembler.
TEST(Machines, ArmHasItsDevices) {
    VmUnderTest vm("arm32",
                   "[VM]\nArchitecture=arm\nMemory=128M\nStop=quit\n[Network lan]\n"
                   "[Drive root]\nFile=root.raw\nSize=4M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string tree = monitor_command(vm.name(), "info qtree").value;
    for (const char *device : {"dev: pl011", "dev: virtio-blk-pci", "dev: virtio-net-pci"})
        EXPECT_NE(tree.find(device), std::string::npos) << device;
}

TEST(Machines, UefiKeepsVariablesForEachVm) {
    const std::string ini = silent_linux_ini() + "[VM]\nFirmware=uefi\n";
    VmUnderTest one("uefi1", ini), two("uefi2", ini + "Memory=128M\n");
    ASSERT_TRUE(one.start().ok()) << one.status();
    GuestShell guest(one);
    guest.run("modprobe efivarfs; mount -t efivarfs none /sys/firmware/efi/efivars");
    EXPECT_EQ(guest.run("cat /sys/firmware/efi/fw_platform_size"), "64\n");
    const std::string variable =
        "/sys/firmware/efi/efivars/Test-6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    EXPECT_EQ(guest.run("printf '\\007\\000\\000\\000x' >" + variable), "");
    ASSERT_TRUE(one.stop().ok());
    ASSERT_TRUE(one.start().ok()) << one.status();
    GuestShell again(one);
    again.run("modprobe efivarfs; mount -t efivarfs none /sys/firmware/efi/efivars");
    EXPECT_EQ(again.run("tail -c 1 " + variable + "; echo"), "x\n");

    ASSERT_TRUE(two.start().ok()) << two.status();
    const auto variables = [](const VmUnderTest &vm) {
        return read_file("/var/lib/qemunit/" + vm.name() + "/uefi-variables.fd");
    };
    EXPECT_EQ(variables(one).size(), variables(two).size());
    EXPECT_NE(variables(one), variables(two));
}

// To the shell of the firmware, which is on the serial console where no screen is.
TEST(Machines, UefiOfAarch64KeepsVariables) {
    VmUnderTest vm("uefiarm",
                   "[VM]\nArchitecture=aarch64\nMemory=256M\nStop=quit\nFirmware=uefi\n");
    const std::string variable = "setvar Test -guid 6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    const auto start = [&] {
        EXPECT_TRUE(vm.start().ok()) << vm.status();
        auto serial = UnixClient::connect(vm.socket("serial"));
        EXPECT_TRUE(serial) << serial.error().message;
        auto prompt = serial->read_until("Shell> ");
        EXPECT_TRUE(prompt) << prompt.error().message;
        return serial;
    };
    auto shell = start();
    ASSERT_TRUE(shell->send(variable + " -nv -bs =L\"hello\"\r"));
    ASSERT_TRUE(shell->read_until("Shell> "));
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(std::filesystem::file_size("/var/lib/qemunit/uefiarm/uefi-variables.fd"), 64 << 20);

    shell = start();
    ASSERT_TRUE(shell->send(variable + "\r"));
    auto kept = shell->read_until("68 00 65 00 6C 00 6C 00 6F 00");  // "hello" in UTF-16
    EXPECT_TRUE(kept) << kept.error().message;
}

TEST(Machines, SecureBootIsOn) {
    // Linux 7 wants more to unpack itself than the firmware leaves of 256 MB.
    VmUnderTest vm("secure", linux_ini() + "[VM]\nFirmware=uefi-secure\nMemory=512M\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_line(journal, vm, "Kernel is locked down from EFI Secure Boot");
    expect_line(journal, vm, "qemunit guest ready");
}

// Debian's kernel is signed, but has no .sbat section.
TEST(Machines, AShimHasTheLastWord) {
    VmUnderTest vm(
        "shim", linux_ini() + "Shim=" + kGuestDir + "/shim.efi\n" + "[VM]\nFirmware=uefi-secure\n");
    Journal journal(vm.unit());
    if (run_words("qemu-system-x86_64 -help").says("\n-shim ")) {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        expect_line(journal, vm, "Verification failed: (0x1A) Security Violation");
    } else {
        EXPECT_FALSE(vm.start().ok());
        EXPECT_TRUE(vm.status().says("-shim: invalid option")) << vm.status();
    }
}

}  // namespace
}  // namespace qemunit::e2e
