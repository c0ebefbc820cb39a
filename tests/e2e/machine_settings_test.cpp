// SPDX-License-Identifier: MIT
//
// Keys of the machine and its network cards, many in one PC: what the guest sees, or else what
// QEMU shows.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"

namespace qemunit::e2e {
namespace {

TEST(MachineSettings, APcIsWhatTheIniSays) {
    VmUnderTest vm("pc", silent_linux_ini() +
                             "Order=second lan\n"
                             "[VM]\nMachine=pc\nCPU=Nehalem\nMemory=300M\nClock=localtime\n"
                             "[Drive first]\nFile=first.img\nSize=1M\nInterface=ide\nBootIndex=7\n"
                             "[Drive second]\nFile=second.img\nSize=2M\n"
                             "[Network lan]\nModel=e1000\n"
                             "[Network office]\nModel=rtl8139\nBootIndex=9\n"
                             "[Network spare]\nType=none\nModel=ne2k_pci\n"
                             "[Service]\nEnvironment=TZ=TEST+05\n");
    const std::time_t started = std::time(nullptr);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto monitor = [&](const std::string &command) {
        return monitor_command(vm.name(), command).value;
    };
    const auto boot_index = [&](const std::string &device) {
        return trimmed(monitor("qom-get /machine/peripheral/" + device + " bootindex"));
    };
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci ata_piix sd_mod");
    expect_contains(guest.run("cat /sys/class/dmi/id/product_name"), "i440FX");
    expect_contains(guest.run("grep -m 1 'model name' /proc/cpuinfo"), "Nehalem");
    EXPECT_EQ(guest.run("cat /sys/block/sda/size"), "2048\n");
    // Five hours behind, however long the boot took.
    const long clock = std::atol(guest.run("date +%s").c_str());
    EXPECT_GE(clock, started - 5 * 3600L);
    EXPECT_LT(clock, started - 3 * 3600L);
    const std::string cards = guest.run("cat /sys/bus/pci/devices/*/device");
    for (const char *card : {"0x100e", "0x8139", "0x8029"})
        expect_contains(cards, card);

    expect_contains(monitor("info memory_size_summary"), "base memory: 314572800");
    EXPECT_EQ(boot_index("second"), "1");
    EXPECT_EQ(boot_index("lan"), "2");
    EXPECT_EQ(boot_index("first"), "7");
    EXPECT_EQ(boot_index("office"), "9");
    const std::string network = monitor("info network");
    expect_contains(network, "lan: index=0,type=nic,model=e1000,macaddr=");
    expect_contains(network, "office: index=0,type=nic,model=rtl8139,macaddr=");
    // Without a cable: at a hub that nothing else is at.
    expect_contains(network, " \\ spare: spare: index=0,type=nic,model=ne2k_pci,macaddr=");
    EXPECT_EQ(network.find("spare: index=0,type=user"), std::string::npos) << network;
}

TEST(MachineSettings, AnotherQemuRuns) {
    VmUnderTest vm("otherqemu", boot_sector_ini() + "[VM]\nQEMU=/usr/bin/qemu-system-i386\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto program =
        std::filesystem::read_symlink("/proc/" + std::to_string(vm.main_pid()) + "/exe");
    EXPECT_EQ(program.filename(), "qemu-system-i386");
    expect_contains(monitor_command(vm.name(), "info status").value, "running");
}

}  // namespace
}  // namespace qemunit::e2e
