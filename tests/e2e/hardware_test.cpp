// SPDX-License-Identifier: MIT
//
// Keys of the machine, its memory, screen and sound, in the sandbox: what the guest sees, or else
// what QEMU shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"

namespace qemunit::e2e {
namespace {

std::string hmp(const VmUnderTest &vm, const std::string &command) {
    return monitor_command(vm.name(), command).value;
}

TEST(Hardware, TheGuestFindsWhatTheIniSays) {
    write_file("/srv/hardware.ign", "{\"ignition\": 1}\n");
    VmUnderTest vm("hard", silent_linux_ini() +
                               "SMBIOS=type=1,serial=ds=nocloud;s=http://10.0.2.2/\n"
                               "FirmwareFile=opt/org.example/config:/srv/hardware.ign\n"
                               "[VM]\nHardware=0.8\nMachine=q35\nMachineOption=vmport=off\n"
                               "DeviceProperty=qxl-vga.vgamem_mb=32\nDisplay=spice\n"
                               "OnReboot=poweroff\n"
                               "[CPU]\nSockets=2\nCores=1\nThreads=1\n"
                               "[Screen]\nUSBRedirection=1\nResolution=1024x768\n"
                               "[Sound card]\n"
                               "[Drive data]\nFile=data.img\nSize=1M\nIOThread=yes\nQueues=2\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk virtio_rng qemu_fw_cfg");
    EXPECT_EQ(guest.run("cat /sys/class/dmi/id/product_serial"), "ds=nocloud;s=http://10.0.2.2/\n");
    EXPECT_EQ(guest.run("cat /sys/firmware/qemu_fw_cfg/by_name/opt/org.example/config/raw"),
              "{\"ignition\": 1}\n");
    EXPECT_EQ(guest.run("nproc"), "2\n");
    EXPECT_EQ(guest.run("cat /sys/devices/system/cpu/cpu1/topology/physical_package_id"), "1\n");
    EXPECT_EQ(guest.run("ls /sys/block/vda/mq | wc -l"), "2\n");
    expect_contains(guest.run("cat /sys/class/misc/hw_random/rng_available"), "virtio_rng");
    // qxl, root ports, the sound of ICH9.
    const std::string cards =
        guest.run("cd /sys/bus/pci/devices; for d in *; do cat $d/vendor $d/device; done");
    for (const char *card : {"0x1b36\n0x0100", "0x1b36\n0x000c", "0x8086\n0x293e"})
        expect_contains(cards, card);

    expect_contains(hmp(vm, "info spice"), "Server:");
    expect_contains(hmp(vm, "qom-get /machine vmport"), "off");
    expect_contains(hmp(vm, "info qtree"), "vgamem_mb = 32");
    expect_contains(hmp(vm, "info iothreads"), "qemunit-io-data");
    // Who connects is greeted in SPICE's own words.
    auto viewer = UnixClient::connect("/var/lib/qemunit/hard/spice.sock");
    ASSERT_TRUE(viewer) << viewer.error().message;
    const std::string link(
        "REDQ\x02\0\0\0\x02\0\0\0\x12\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\x12\0\0\0", 34);
    ASSERT_TRUE(viewer->send(link));
    const auto answer = viewer->read_until("REDQ");
    EXPECT_TRUE(answer) << answer.error().message;

    // A guest that reboots has powered off.
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("reboot -f\r"));
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    std::filesystem::remove("/srv/hardware.ign");
}

TEST(Hardware, ADebuggerAndAGuestThatWaits) {
    VmUnderTest vm("debugged", boot_sector_ini() + "[VM]\nStartPaused=yes\nDebugger=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(hmp(vm, "info status"), "paused");
    auto gdb = UnixClient::connect("/var/lib/qemunit/debugged/gdb.sock");
    ASSERT_TRUE(gdb) << gdb.error().message;
    ASSERT_TRUE(gdb->send("$qSupported#37"));
    const auto answer = gdb->read_until("PacketSize");
    EXPECT_TRUE(answer) << answer.error().message;
    Journal journal(vm.unit());
    ASSERT_TRUE(gdb->send("+$c#63"));
    EXPECT_TRUE(journal.read_until_event("RESUME"));
}

TEST(Hardware, MemoryIsTakenAndShared) {
    VmUnderTest vm("taken",
                   boot_sector_ini() + "[Memory]\nPreallocated=yes\nShared=yes\nMaximum=128M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string memory = hmp(vm, "info memdev");
    expect_contains(memory, "prealloc: true");
    expect_contains(memory, "share: true");
    expect_contains(hmp(vm, "qom-get /machine memory"), "\"max-size\": 134217728");
}

// Nobody locks memory in a container of systemd-nspawn, whose filter has no mlockall().
TEST(Limits, MemoryIsLocked) {
    constexpr unsigned kMayLock = 14;  // CAP_IPC_LOCK
    const std::string init = read_file("/proc/1/status");
    const std::size_t bound = init.find("CapBnd:");
    ASSERT_NE(bound, init.npos) << init;
    if ((std::strtoull(init.c_str() + bound + 7, nullptr, 16) >> kMayLock & 1) == 0)
        GTEST_SKIP() << "this system may not lock memory";
    VmUnderTest vm("locked", boot_sector_ini() + "[Memory]\nLocked=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string status = read_file("/proc/" + std::to_string(vm.main_pid()) + "/status");
    const std::size_t at = status.find("VmLck:");
    ASSERT_NE(at, status.npos) << status;
    EXPECT_GE(std::atol(status.c_str() + at + 6), 64 << 10) << status;
}

TEST(Limits, HugePagesAreTheHosts) {
    const std::string pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    if (!std::filesystem::exists(pages))
        GTEST_SKIP() << "this kernel has no huge pages";
    run({"sh", "-c", "echo 40 >" + pages + "nr_hugepages"});
    if (std::atol(read_file(pages + "nr_hugepages").c_str()) < 40)
        GTEST_SKIP() << "this system gives no huge pages away";
    {
        VmUnderTest vm("huge", boot_sector_ini() + "[Memory]\nHugePages=2M\nPreallocated=yes\n");
        EXPECT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_LE(std::atol(read_file(pages + "free_hugepages").c_str()), 8);
    }
    run({"sh", "-c", "echo 0 >" + pages + "nr_hugepages"});
}

// Hyper-V's features are KVM's: QEMU would refuse some without.
TEST(Hardware, WindowsStartsWithoutKvm) {
    VmUnderTest vm("windows",
                   "[VM]\nMemory=64M\nStop=quit\nGuestOS=windows\nAccelerator=auto\n"
                   "Display=vnc\n[Sound card]\n[Sound dos]\nModel=sb16\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto words = vm.command_line();
    const bool has_kvm = std::ranges::find(words, "kvm") != words.end();
    const auto cpu = std::ranges::find(words, "-cpu");
    ASSERT_NE(cpu, words.end());
    EXPECT_EQ(std::next(cpu)->find(",hv-") != std::string::npos, has_kvm) << *std::next(cpu);
    expect_contains(hmp(vm, "qom-get /machine hpet"), "false");
    const std::string tree = hmp(vm, "info qtree");
    expect_contains(tree, "dev: hda-duplex");
    expect_contains(tree, "dev: sb16");
}

TEST(Hardware, BoardsStartWithTheProcessorsThatTheyHave) {
    VmUnderTest raspberry("raspi",
                          "[VM]\nArchitecture=aarch64\nMachine=raspi3b\nMemory=1G\nStop=quit\n"
                          "[Drive card]\nFile=card.img\nSize=1M\nInterface=sd\n");
    VmUnderTest cortex("mps2",
                       "[VM]\nArchitecture=arm\nMachine=mps2-an385\nMemory=16M\n"
                       "StartPaused=yes\n");
    VmUnderTest express("vexpress",
                        "[VM]\nArchitecture=arm\nMachine=vexpress-a9\nMemory=64M\nStop=quit\n"
                        "[Network lan]\nType=none\nModel=onboard\n");
    for (const VmUnderTest *vm : {&raspberry, &cortex, &express})
        EXPECT_TRUE(vm->start().ok()) << vm->status();
    expect_contains(hmp(raspberry, "info block"), "card");
    expect_contains(hmp(raspberry, "info cpus"), "CPU #3");
    expect_contains(hmp(express, "info network"), "lan9118");
    // It has sound, and would look for loudspeakers.
    EXPECT_EQ(journalctl(express.unit()).find("ALSA"), std::string::npos);
}

TEST(Hardware, TheFirmwareSaysOnTheSerialPortWhatItDoes) {
    VmUnderTest vm("talking", deaf_ini() + "Stop=quit\nHardware=0.8\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto lines = journal.read_until([](const JournalEntry &entry) {
        return entry.message.find("SeaBIOS") != std::string::npos;
    });
    EXPECT_TRUE(lines) << lines.error().message;
}

}  // namespace
}  // namespace qemunit::e2e
