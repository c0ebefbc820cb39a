// SPDX-License-Identifier: MIT
//
// The companion may be killed at any time, and no VM notices: another one takes over.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kTakesOver = "another one takes over";

void kill_companion(const VmUnderTest &vm) {
    EXPECT_EQ(kill(vm.companion(), SIGKILL), 0);
}

void expect_takeover(Journal &journal) {
    auto entries = journal.read_until([](const JournalEntry &entry) {
        return entry.message.find(kTakesOver) != std::string::npos;
    });
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_EQ(entries->back().message,
              "qemunit-helper: the companion was killed (SIGKILL); another one takes over; lines "
              "of the console may be missing, clients have to connect again");
    EXPECT_EQ(entries->back().priority, "3");
}

// Of the guest that is a tiny shell.
void expect_answer(const VmUnderTest &vm, Journal &journal) {
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->send("hello\r"));
    auto answer = client->read_until("Hello from the guest\r\n> ");
    EXPECT_TRUE(answer) << answer.error().message;
    auto entries = journal.read_until_line("Hello from the guest");
    EXPECT_TRUE(entries) << entries.error().message;
}

void expect_runs(const VmUnderTest &vm) {
    const BusReply reply = monitor_command(vm.name(), "info status");
    EXPECT_NE(reply.value.find("VM status: running"), std::string::npos) << reply;
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(Companion, AnotherOneTakesOverTheConsole) {
    VmUnderTest vm("takeover", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    for (int times = 0; times < 3; ++times) {
        auto watcher = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(watcher) << watcher.error().message;
        expect_answer(vm, journal);
        kill_companion(vm);
        EXPECT_TRUE(watcher->read_to_end());  // it has to connect again
        expect_takeover(journal);
    }
    expect_answer(vm, journal);
    expect_runs(vm);
    EXPECT_EQ(vm.main_pid(), qemu);
    EXPECT_EQ(vm.other_pids().size(), 2u);
    EXPECT_TRUE(unit_property(vm.unit(), "StatusText").starts_with("Running, QEMU "));
    // All of it is gone with QEMU.
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
}

TEST(Companion, TheNextOneAsksTheGuestToPowerOff) {
    VmUnderTest vm("takeoverstop", silent_linux_ini() + "[VM]\nStop=poweroff\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    kill_companion(vm);
    expect_takeover(journal);
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
}

TEST(Companion, OneThatIsKilledWhileItStopsAVmLeavesTheRestToTheNext) {
    VmUnderTest vm("takeoverladder", boot_sector_ini() + "[VM]\nStop=poweroff\nStopTimeout=15s\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(run({"systemctl", "stop", "--no-block", vm.unit()}).ok());
    auto pressed = wait_for_property(vm.unit(), "StatusText",
                                     "Stopping: pressed the power button, waiting for the guest");
    ASSERT_TRUE(pressed) << pressed.error().message;
    kill_companion(vm);
    expect_takeover(journal);
    // Not by systemd's SIGKILL.
    auto off = wait_for_state(vm.unit(), "inactive");
    EXPECT_TRUE(off) << off.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
}

TEST(Companion, TheWatchdogGoesOn) {
    VmUnderTest vm("takeoverdog", silent_linux_ini() + "[Service]\nWatchdogSec=6s\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    { GuestShell guest(vm); }
    kill_companion(vm);
    expect_takeover(journal);
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    // More than two periods by the guest's clock.
    ASSERT_TRUE(serial->send("sleep 13; echo later $((40 + 2))\r"));
    auto later = journal.read_until_line("later 42");
    ASSERT_TRUE(later) << later.error().message;
    expect_runs(vm);
    EXPECT_EQ(vm.main_pid(), qemu);
}

TEST(Companion, AStartWaitsOn) {
    VmUnderTest vm("takeoverready", silent_linux_ini() + "[VM]\nReady=serial:^guest# $\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(run({"systemctl", "start", "--no-block", vm.unit()}).ok());
    auto waits = wait_for_property(vm.unit(), "StatusText",
                                   "Started, waiting for a console line that matches '^guest# $'");
    ASSERT_TRUE(waits) << waits.error().message;
    kill_companion(vm);
    expect_takeover(journal);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "activating");
    auto started = wait_for_state(vm.unit(), "active");
    EXPECT_TRUE(started) << started.error().message;
    // It was ready: nothing is to be explained by the one after it.
    kill_companion(vm);
    expect_takeover(journal);
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(journalctl(vm.unit()).find("never ready"), std::string::npos);
}

class CompanionOfAHibernatedVm : public testing::Test {
  protected:
    static std::string ini() { return silent_linux_ini() + "[VM]\nStop=hibernate\n"; }
    std::string folder() const { return "/var/lib/qemunit/" + vm.name(); }
    void start_with_answer() {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        guest.run("answer=42");
        // So much that it cannot be saved before somebody has looked.
        guest.run("yes | head -c 500000 >/a; for i in $(seq 200); do cat /a; done >/fill");
    }
    void expect_answer() {
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
        auto answer = serial->read_until("the answer is 42");
        EXPECT_TRUE(answer) << answer.error().message;
    }

    ~CompanionOfAHibernatedVm() override {
        EXPECT_TRUE(vm.stop().ok());
        std::filesystem::remove_all(folder());  // or the next run of the test resumes from it
    }

    VmUnderTest vm{testing::UnitTest::GetInstance()->current_test_info()->name(), ini()};
    Journal journal{vm.unit()};
};

TEST_F(CompanionOfAHibernatedVm, IsKilledWhileItSaves) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    const pid_t companion = vm.companion();
    ASSERT_TRUE(run({"systemctl", "stop", "--no-block", vm.unit()}).ok());
    auto saving =
        wait_for_property(vm.unit(), "StatusText", "Stopping: saving the machine's state");
    ASSERT_TRUE(saving) << saving.error().message;
    ASSERT_EQ(kill(companion, SIGKILL), 0);
    expect_takeover(journal);
    auto off = wait_for_state(vm.unit(), "inactive");
    ASSERT_TRUE(off) << off.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_answer();
}

TEST_F(CompanionOfAHibernatedVm, IsKilledWhileItResumes) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(run({"systemctl", "start", "--no-block", vm.unit()}).ok());
    kill_companion(vm);
    expect_takeover(journal);
    auto started = wait_for_state(vm.unit(), "active");
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_TRUE(unit_property(vm.unit(), "StatusText").starts_with("Running, resumed,"));
    expect_answer();
    expect_runs(vm);
    EXPECT_FALSE(std::filesystem::exists(folder() + "/hibernated"));
}

TEST(Companion, WithoutItsSupervisorItGoesOnAndWithoutBothTheVmDoes) {
    VmUnderTest vm("unsupervised", boot_sector_ini() + "[VM]\nStopTimeout=4s\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    auto watcher = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(watcher) << watcher.error().message;
    ASSERT_TRUE(watcher->read_until("> "));
    ASSERT_EQ(kill(vm.supervisor(), SIGKILL), 0);
    expect_answer(vm, journal);
    ASSERT_TRUE(watcher->read_until("Hello from the guest"));  // it was not hung up on
    kill_companion(vm);
    EXPECT_TRUE(watcher->read_to_end());
    expect_runs(vm);
    EXPECT_EQ(vm.main_pid(), qemu);
    EXPECT_EQ(vm.other_pids().size(), 0u);
    EXPECT_EQ(journalctl(vm.unit()).find(kTakesOver), std::string::npos);
}

}  // namespace
}  // namespace qemunit::e2e
