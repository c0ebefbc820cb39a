// SPDX-License-Identifier: MIT
//
// Limits of drives: as the VM starts, and as `systemctl reload` sets them while it runs.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/e2e/backups.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/reload.h"

namespace qemunit::e2e {
namespace {

// "bps=0 bps_rd=0 bps_wr=0 iops=0 iops_rd=0 iops_wr=0", as QEMU has them; or "no limits"
std::string limits_of(const VmUnderTest &vm, const std::string &drive) {
    const std::string blocks = monitor_command(vm.name(), "info block -v " + drive).value;
    const std::size_t begin = blocks.find("I/O throttling:");
    if (begin == blocks.npos)
        return "no limits";
    std::string line = blocks.substr(begin + 15, blocks.find('\n', begin) - begin - 15);
    std::erase(line, '\r');
    return line.substr(std::min(line.find("bps="), line.size()));
}

TEST(DriveLimits, HoldForTheGuestAndAreChangedWhileItRuns) {
    const std::string drive = silent_linux_ini() + "[Drive data]\nFile=d.img\nSize=16M\n";
    remove_state("limits");
    VmUnderTest vm("limits", drive + "WriteBandwidthMax=256K\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(limits_of(vm, "data"), "bps_wr=256000");
    GuestShell guest(vm);
    prepare_disks(guest);
    const auto begin = std::chrono::steady_clock::now();
    const std::string said = guest.run(
        "dd if=/dev/zero of=/dev/vda bs=64k count=16 conv=fsync; ls -l /dev/vda; "
        "cat /sys/block/vda/stat");
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    // 1 MiB, less what a guest that has kept still may have at once.
    EXPECT_GT(taken.count(), 3) << said;
    reload(vm, drive + "BandwidthMax=100M\nReadIOPSMax=2K\nWriteIOPSMax=3\n");
    std::string limits = limits_of(vm, "data");
    for (const char *part : {"bps=100000000", "bps_wr=0", "iops_rd=2000", "iops_wr=3"})
        expect_contains(limits, part);
    expect_contains(journalctl(vm.unit()),
                    "drive data: BandwidthMax=100000000, ReadIOPSMax=2000, WriteIOPSMax=3");
    reload(vm, drive);
    EXPECT_EQ(limits_of(vm, "data"), "no limits");
    expect_contains(journalctl(vm.unit()), "drive data: no limits");
    EXPECT_EQ(
        guest.run("dd if=/dev/zero of=/dev/vda bs=64k count=16 conv=fsync 2>/dev/null; echo $?"),
        "0\n");
    reload(vm, drive);
    expect_contains(journalctl(vm.unit()), "Nothing to change.");
}

// Whatever the device is, also while the guest is paused, and a start anew has what the ini says.
TEST(DriveLimits, OfEachKindOfDrive) {
    const auto ini = [](const std::string &keys) {
        std::string text = boot_sector_ini() + "[VM]\nMachine=pc\n";
        for (const char *kind : {"virtio", "scsi", "nvme", "ide", "sata", "usb"})
            text += std::string("[Drive ") + kind + "]\nFile=" + kind +
                    ".img\nSize=1M\nInterface=" + kind + "\n" + keys;
        return text + "[Drive thread]\nFile=thread.img\nSize=1M\nIOThread=yes\n" + keys;
    };
    remove_state("limitkinds");
    VmUnderTest vm("limitkinds", ini(""));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    reload(vm, ini("IOPSMax=1K\n"));
    const auto expect_all = [&vm](const std::string &limit) {
        for (const char *kind : {"virtio", "scsi", "nvme", "ide", "sata", "usb", "thread"})
            expect_contains(limits_of(vm, kind), limit);
    };
    expect_all("iops=1000");
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    expect_all("iops=1000");
    reload(vm, ini(""));
    expect_all("no limits");
}

}  // namespace
}  // namespace qemunit::e2e
