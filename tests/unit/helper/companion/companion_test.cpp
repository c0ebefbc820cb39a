// SPDX-License-Identifier: MIT
//
// The companion while QEMU runs and when it is to stop.
#include "helper/companion/companion.h"

#include <fcntl.h>

#include "tests/unit/helper/companion/companion_fixture.h"

namespace qemunit::helper {
namespace {

using testing::FakeQemu;
using testing::Peer;
using namespace std::chrono_literals;

TEST_F(CompanionTest, TellsSystemdOfTheLifeOfAVm) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    qemu.say(R"({"event":"STOP"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    qemu.say(R"({"event":"RTC_CHANGE"})");
    qemu.say(R"({"event":"RESUME"})");
    EXPECT_EQ(told(), "STATUS=Running");
    qemu.say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}})");
    EXPECT_EQ(told(), "STATUS=Ended: the guest powered off");
    qemu.hang_up();
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
}

TEST_F(CompanionTest, PressesThePowerButtonWhenItIsToStop) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    told();
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
    EXPECT_FALSE(qemu.has_heard("\"quit\""));
}

TEST_F(CompanionTest, WakesAPausedGuestSoThatItHearsTheButton) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    answer("query-status", R"({"status":"paused"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
    EXPECT_TRUE(qemu.has_heard("\"cont\""));
}

TEST_F(CompanionTest, QuitsAGuestThatHasNothingLeftToHearWith) {
    for (const char *status : {"guest-panicked", "internal-error", "inmigrate"}) {
        answered = 0;
        std::filesystem::remove(folder / "serial.sock");
        start();
        ASSERT_TRUE(qemu.greet(loop));
        ASSERT_EQ(kill(pid, kStopSignal), 0);
        answer("query-status", R"({"status":")" + std::string(status) + R"("})");
        EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s)) << status;
        qemu.hang_up();
        guest.close();
        agent.close();
        EXPECT_EQ(wait_for_exit(), 0);
    }
}

// By savevm, a stalled disk, swap: it is busy, and has a guest that runs.
TEST_F(CompanionTest, AQemuThatDoesNotAnswerIsWaitedFor) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }, 60s));
    loop.run_for(6s);  // it used to be 5
    EXPECT_FALSE(qemu.has_heard("\"quit\""));
    answer("query-status", R"({"status":"running"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
    EXPECT_EQ(granted, std::vector<std::string>{"EXTEND_TIMEOUT_USEC=60000000"});
}

// There is space again, perhaps.
TEST_F(CompanionTest, AGuestAtAnIoErrorGoesOnAndHearsTheButton) {
    UniqueFd log(open((folder / "errors").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    errors = std::move(log);
    start();
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    answer("query-status", R"({"status":"io-error"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
    EXPECT_TRUE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
    answered += 2;
    qemu.forget();
    answer("query-status", R"({"status":"io-error"})");
    EXPECT_EQ(told(), "STATUS=Stopping: the guest stands still at an I/O error of its disk");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"cont\""); }, 60s));
    EXPECT_TRUE(folder.read("errors").ends_with(
        "<4>qemunit-helper: the guest stood still at an I/O error of its disk; it goes on, so "
        "that it can shut down.\n"
        "<4>qemunit-helper: the guest stands still at an I/O error again, and cannot shut "
        "down. Free space on the disk of its images, or the plug is pulled when StopTimeout= "
        "is over.\n"))
        << folder.read("errors");
}

TEST_F(CompanionTest, WhatPassesIsWaitedFor) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    answer("query-status", R"({"status":"save-vm"})");
    answer("query-status", R"({"status":"running"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
}

// It can keep QEMU 7.2 from ever ending.
TEST_F(CompanionTest, AQemuThatEndsIsToldNothingMore) {
    setenv("WATCHDOG_USEC", "300000", 1);
    start();
    unsetenv("WATCHDOG_USEC");
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }, 60s));
    qemu.say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}})");
    EXPECT_EQ(told(), "STATUS=Ended: the guest powered off");
    // And the watchdog does not end it while it writes what is left.
    EXPECT_EQ(granted, std::vector<std::string>{"EXTEND_TIMEOUT_USEC=60000000"});
    qemu.heard();
    qemu.forget();
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    loop.run_for(1s);  // several periods of the watchdog
    EXPECT_EQ(qemu.heard(), "");
    // With -no-shutdown it stays after all, and says so.
    qemu.say(R"({"event":"STOP"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s));
}

TEST_F(CompanionTest, QuitsAQemuThatIsStillStarting) {
    start();
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    EXPECT_EQ(told(), "STATUS=Stopping: QEMU had not started");
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s));
}

TEST_F(CompanionTest, AsksQemuForTheWatchdog) {
    setenv("WATCHDOG_USEC", "300000", 1);
    start();
    unsetenv("WATCHDOG_USEC");
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "WATCHDOG=1");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }, 60s));
}

// It is slow, and systemd would kill it for that.
TEST_F(CompanionTest, AnAnswerToTheWatchdogCountsWheneverItComes) {
    setenv("WATCHDOG_USEC", "150000", 1);
    start();
    unsetenv("WATCHDOG_USEC");
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }, 60s));
    loop.run_for(300ms);
    const std::string heard = qemu.heard();
    EXPECT_EQ(heard.find("query-status"), heard.rfind("query-status")) << heard;
    qemu.say(R"({"return":{"status":"running"},"id":1})");
    EXPECT_EQ(told(), "WATCHDOG=1");
}

// The test is QEMU here: it works, or what goes for that.
TEST_F(CompanionTest, AQemuThatIsAtWorkIsNotHung) {
    setenv("WATCHDOG_USEC", "150000", 1);
    qemu_pid = getpid();
    start();
    unsetenv("WATCHDOG_USEC");
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    const timeval at_once = {.tv_sec = 0, .tv_usec = 1};
    setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof at_once);
    unsigned vouched = 0;
    EXPECT_TRUE(loop.run_until(
        [&] {
            vouched += told() == "WATCHDOG=1";
            return vouched == 5;
        },
        60s));
    // Also when another companion takes over in the middle of it.
    ASSERT_EQ(kill(worker(), SIGKILL), 0);
    EXPECT_TRUE(loop.run_until(
        [&] {
            vouched += told() == "WATCHDOG=1";
            return vouched == 10;
        },
        60s));
    EXPECT_FALSE(qemu.has_heard("query-version"));
}

// Of which no event tells.
TEST_F(CompanionTest, ASnapshotThatCouldNotBeLoadedIsTold) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    qemu.say(R"({"event":"STOP"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    answer("query-status", R"({"status":"restore-vm"})");
    answer("query-status", R"({"status":"restore-vm"})");
    EXPECT_EQ(told(), "STATUS=Paused: a snapshot could not be loaded");
    // One that was found out in time, and told to go on.
    qemu.say(R"({"event":"STOP"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    answer("query-status", R"({"status":"restore-vm"})");
    answer("query-status", R"({"status":"running"})");
    qemu.say(R"({"event":"RESUME"})");
    EXPECT_EQ(told(), "STATUS=Running");
}

TEST_F(CompanionTest, RelaysTheSerialPorts) {
    start();
    Peer client = Peer::connect(folder / "serial.sock");
    ASSERT_TRUE(client);
    guest.write("login: ");
    EXPECT_TRUE(loop.run_until([&] { return client.read() == "login: "; }, 60s));
    client.write("root\n");
    EXPECT_TRUE(loop.run_until([&] { return guest.read() == "root\n"; }, 60s));
}

TEST_F(CompanionTest, StaysUntilBothTheMonitorAndTheLastPortHaveEnded) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    told();
    Peer client = Peer::connect(folder / "serial.sock");
    qemu.hang_up();
    guest.write("last words");
    EXPECT_TRUE(loop.run_until([&] { return client.read() == "last words"; }, 60s));
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
}

// systemctl stop signals the whole service; the console's last lines are still to come.
TEST_F(CompanionTest, SignalsDoNotEndIt) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    told();
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGABRT})
        ASSERT_EQ(kill(pid, number), 0);
    qemu.say(R"({"event":"STOP"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
}

// It would run for a moment, and then resume from before that.
TEST_F(CompanionTest, AGuestThatIsStoppedBeforeItIsBackStaysSaved) {
    testing::SocketPair resumption;
    stop_mode = StopMode::hibernate;
    start({}, std::move(resumption.one));
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Resuming");
    answer("query-status", R"({"status":"inmigrate"})");
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-migrate"); }, 60s));
    ++answered;  // this one, never
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    answer("query-status", R"({"status":"inmigrate"})");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(told(), "STATUS=Stopping: saving the machine's state");
    EXPECT_EQ(told(), "STATUS=Stopping: the machine's state is still saved");
}

}  // namespace
}  // namespace qemunit::helper
