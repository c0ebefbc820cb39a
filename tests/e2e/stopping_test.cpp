// SPDX-License-Identifier: MIT
//
// `systemctl stop`, in each of its ways, and the start that comes after.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string stop_ini(const std::string &stop, const std::string &more = {}) {
    return silent_linux_ini() + "[VM]\nStop=" + stop + "\n" + more;
}

TEST(Stopping, AGuestThatListensPowersOff) {
    VmUnderTest vm("stopbutton", stop_ini("poweroff"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
}

TEST(Stopping, AGuestThatDoesNotListenIsEndedInTime) {
    VmUnderTest vm("stopdeaf", deaf_ini() + "Stop=poweroff\nStopTimeout=8s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok());
    // Not systemd's SIGKILL, which would make it "timeout".
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
    EXPECT_NE(journalctl(vm.unit()).find("stopping takes too long, pulling the plug"),
              std::string::npos);
}

TEST(Stopping, APausedGuestIsWokenToPowerOff) {
    VmUnderTest vm("stoppaused", stop_ini("poweroff"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_TRUE(vm.stop().ok());
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
}

TEST(Stopping, AHungQemuIsKilled) {
    VmUnderTest vm("stophung", boot_sector_ini() + "[VM]\nStop=poweroff\nStopTimeout=2s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(kill(vm.main_pid(), SIGSTOP), 0);
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
}

TEST(Stopping, AVmWhoseCompanionIsGoneStopsAllTheSame) {
    VmUnderTest vm("stopalone", boot_sector_ini() + "[VM]\nStop=poweroff\nStopTimeout=2s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    kill(vm.supervisor(), SIGKILL);
    kill(vm.companion(), SIGKILL);
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
}

TEST(Stopping, AHibernatedGuestGoesOnWhereItWas) {
    VmUnderTest vm("hibernate", stop_ini("hibernate",
                                         "[Drive root]\nFile=root.raw\nSize=8M\n"
                                         "[Network lan]\n"));
    const std::string state = "/var/lib/qemunit/hibernate/hibernated";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run("modprobe -a virtio_pci virtio_blk; answer=42");
        guest.run("echo written before >/dev/vda; sync");
    }
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
        EXPECT_TRUE(fs::exists(state));
        EXPECT_NE(journalctl(vm.unit()).find("the machine's state is saved in " + state),
                  std::string::npos);
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_FALSE(fs::exists(state));
        EXPECT_EQ(unit_property(vm.unit(), "StatusText").substr(0, 17), "Running, resumed,");
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->send("echo the answer is $answer; head -n 1 /dev/vda\r"));
        auto answer = serial->read_until("the answer is 42\r\nwritten before");
        EXPECT_TRUE(answer) << answer.error().message;
        const BusReply status = monitor_command(vm.name(), "info status");
        EXPECT_NE(status.value.find("running"), std::string::npos) << status;
        // The main process is QEMU itself again.
        EXPECT_NE(
            read_file("/proc/" + std::to_string(vm.main_pid()) + "/cmdline").find("qemu-system"),
            std::string::npos);
    }
    kill(vm.main_pid(), SIGKILL);
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "signal");
}

// Starts a VM that cannot resume from its state.
void expect_set_aside(const VmUnderTest &vm) {
    const fs::path folder = "/var/lib/qemunit/" + vm.name();
    const auto size = fs::file_size(folder / "hibernated");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(line) << line.error().message;
    EXPECT_FALSE(fs::exists(folder / "hibernated"));
    int set_aside = 0;
    for (const auto &entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().starts_with("hibernated.failed-")) {
            ++set_aside;
            EXPECT_EQ(fs::file_size(entry), size);
        }
    EXPECT_EQ(set_aside, 1);
    EXPECT_NE(journalctl(vm.unit()).find("its state is set aside as "), std::string::npos);
}

TEST(Stopping, ADamagedStateIsSetAsideAndTheGuestBoots) {
    VmUnderTest vm("hibdamage", stop_ini("hibernate"));
    const fs::path state = "/var/lib/qemunit/hibdamage/hibernated";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    ASSERT_TRUE(vm.stop().ok());
    fs::resize_file(state, fs::file_size(state) / 2);
    expect_set_aside(vm);
}

TEST(Stopping, AStateOfAnotherMachineIsSetAsideAndTheGuestBoots) {
    VmUnderTest vm("hibother", stop_ini("hibernate"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    ASSERT_TRUE(vm.stop().ok());
    write_file(vm.ini_path(), stop_ini("hibernate", "Memory=300M\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_set_aside(vm);
    EXPECT_NE(journalctl(vm.unit()).find("Size mismatch"), std::string::npos)
        << journalctl(vm.unit());
}

TEST(Stopping, AGuestThatCannotBeSavedIsShutDown) {
    VmUnderTest vm("hibuas",
                   stop_ini("hibernate",
                            "StopTimeout=8s\n"
                            "Arguments=-device qemu-xhci,id=usb3 -device usb-uas,bus=usb3.0\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/hibuas/hibernated"));
    EXPECT_NE(journalctl(vm.unit()).find("shutting the guest down instead"), std::string::npos)
        << journalctl(vm.unit());
}

TEST(Stopping, AQemuThatHangsIsKilledByTheWatchdogAndRestarted) {
    VmUnderTest vm("watchdog", boot_sector_ini() +
                                   "[Service]\nWatchdogSec=5s\nTimeoutAbortSec=1s\n"
                                   "Restart=on-watchdog\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    const pid_t qemu = vm.main_pid();
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);
    line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_NE(vm.main_pid(), qemu);
    EXPECT_EQ(unit_property(vm.unit(), "NRestarts"), "1");
}

}  // namespace
}  // namespace qemunit::e2e
