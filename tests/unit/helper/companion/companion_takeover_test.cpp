// SPDX-License-Identifier: MIT
//
// A companion that was killed, and the one that goes on where it was.
#include "tests/unit/helper/companion/companion_fixture.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;

// All of it in a row: what the first was told holds for the next.
TEST_F(CompanionTest, AnotherOneTakesOver) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    Peer client = Peer::connect(folder / "serial.sock");
    guest.write("one\n");
    ASSERT_TRUE(loop.run_until([&] { return client.read() == "one\n"; }, 60s));
    kill_worker();
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    answer("query-status", R"({"status":"paused"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    EXPECT_TRUE(client.has_ended());
    Peer next = Peer::connect(folder / "serial.sock");
    guest.write("two\n");
    EXPECT_TRUE(loop.run_until([&] { return next.read() == "two\n"; }, 60s));
    next.write("typed\n");
    EXPECT_TRUE(loop.run_until([&] { return guest.read() == "typed\n"; }, 60s));
    qemu.hang_up();
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
}

TEST_F(CompanionTest, TheNextOneGoesOnWaitingForTheConsole) {
    start({Awaited::Thing::console_line, "login: *$"});
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for a console line that matches 'login: *$'");
    kill_worker();
    EXPECT_EQ(told(), "STATUS=Started, waiting for a console line that matches 'login: *$'");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"query-status\""); }, 60s));
    qemu.forget();
    ++answered;  // the one for the status text, unanswered
    guest.write("guest login: ");
    for (int times = 0; times < 2; ++times)  // who does not answer stands still
        answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    kill_worker();  // it has come, and is not waited for again
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
}

TEST_F(CompanionTest, TheNextOneGoesOnStopping) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    told();
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
    kill_worker();
    answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("system_powerdown"); }, 60s));
}

TEST_F(CompanionTest, TheNextOneHasOnlyTheTimeThatIsLeftToStop) {
    takeovers = 1;
    left = {.takeovers = 1, .stop_asked_usec = 1, .qemu_answered = true, .is_ready = true};
    start();
    greet_next();
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s));
    EXPECT_EQ(told(), "STATUS=Stopping: the time is up, pulling the plug");
}

// Whoever has paused it since wants it paused.
TEST_F(CompanionTest, TheNextOneLeavesAResumedGuestAsItIs) {
    testing::SocketPair resumption;
    start({}, std::move(resumption.one));
    Peer helper(std::move(resumption.other));
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Resuming");
    kill_worker();
    EXPECT_EQ(told(), "STATUS=Resuming");
    answer("query-status", R"({"status":"paused"})");
    ++answered;  // the one for the status text, unanswered
    answer("cont", "{}");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, resumed, QEMU 7.2.22");
    EXPECT_TRUE(loop.run_until([&] { return helper.read() == std::string("\2\0", 2); }, 60s));
    kill_worker();
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, resumed, QEMU 7.2.22");
    answer("query-status", R"({"status":"paused"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

TEST_F(CompanionTest, ASignalToStopThatOnlyTheSupervisorHearsIsHeard) {
    start();
    ASSERT_TRUE(qemu.greet(loop));
    told();
    ASSERT_EQ(kill(pid, kStopSignal), 0);
    answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "STATUS=Stopping: pressed the power button, waiting for the guest");
}

}  // namespace
}  // namespace qemunit::helper
