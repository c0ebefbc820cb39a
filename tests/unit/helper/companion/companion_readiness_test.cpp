// SPDX-License-Identifier: MIT
//
// What the companion waits for before it calls the VM ready, and what the guest itself says.
#include <nlohmann/json.hpp>

#include <array>

#include "tests/unit/helper/companion/companion_fixture.h"

namespace qemunit::helper {
namespace {

using testing::FakeQemu;
using testing::Peer;
using namespace std::chrono_literals;

TEST_F(CompanionTest, IsReadyWhenTheConsoleHasTheLine) {
    start({Awaited::Thing::console_line, "login: *$"});
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for a console line that matches 'login: *$'");
    qemu.say(R"({"event":"RESUME"})");
    EXPECT_EQ(told(), "STATUS=Running, waiting for a console line that matches 'login: *$'");
    guest.write("booting\r\nguest login: ");
    for (int times = 0; times < 2; ++times)  // who does not answer stands still
        answer("query-status", R"({"status":"running"})");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running");
}

TEST_F(CompanionTest, IsReadyWhenTheGuestAgentAnswers) {
    start({Awaited::Thing::agent, ""});
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest agent");
    ASSERT_TRUE(loop.run_until([&] { return agent.read().ends_with("}\n"); }, 60s));
    const auto question = nlohmann::json::parse(agent.read(), nullptr, false);
    agent.write("{\"return\": " + question["arguments"]["id"].dump() + "}\n");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
}

const Awaited kNotify{Awaited::Thing::notify, "", 42};

TEST_F(CompanionTest, IsReadyWhenTheGuestSaysSo) {
    start(kNotify);
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1");
    say_as_guest("STATUS=half way there");
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1; guest: half way there");
    say_as_guest("READY=1");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22; guest: half way there");
}

TEST_F(CompanionTest, TheNextOneKnowsWhatTheGuestHasSaid) {
    start(kNotify);
    ASSERT_TRUE(qemu.greet(loop));
    told();
    say_as_guest("STATUS=half way there");
    told();
    kill_worker();
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1; guest: half way there");
    say_as_guest("READY=1");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22; guest: half way there");
    kill_worker();
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22; guest: half way there");
}

TEST_F(CompanionTest, EndsTheServiceWithTheExitStatusOfTheGuest) {
    start(kNotify);
    ASSERT_TRUE(qemu.greet(loop));
    told();
    say_as_guest("EXIT_STATUS=0");
    say_as_guest("EXIT_STATUS=3");
    EXPECT_EQ(told(), fmt::format("MAINPID={}", pid));
    kill_worker();
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1");
    say_as_guest("EXIT_STATUS=3");
    qemu.say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}})");
    EXPECT_EQ(told(), "STATUS=Ended: the guest powered off with exit status 3");
    qemu.hang_up();
    guest.close();
    agent.close();
    EXPECT_EQ(WEXITSTATUS(wait_for_exit()), 3);
}

TEST_F(CompanionTest, TheLastExitStatusOfTheGuestCounts) {
    start(kNotify);
    ASSERT_TRUE(qemu.greet(loop));
    told();
    say_as_guest("EXIT_STATUS=1");
    EXPECT_EQ(told(), fmt::format("MAINPID={}", pid));
    say_as_guest("EXIT_STATUS=0");
    EXPECT_EQ(told(), "MAINPID=4711");
    qemu.hang_up();
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
}

TEST_F(CompanionTest, AVmThatEndsBeforeItIsReadySaysWhatTheConsoleSaid) {
    std::array<int, 2> fds{};
    ASSERT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
    Peer journal{UniqueFd(fds[0])};
    errors.reset(fds[1]);
    start({Awaited::Thing::console_line, "login: *$"});
    errors.reset();
    ASSERT_TRUE(qemu.greet(loop));
    guest.write("one\r\n\x1b[31mtwo\x1b[0m\r\n");
    told();
    qemu.hang_up();
    guest.write("last words");
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
    EXPECT_TRUE(journal.read().ends_with(
        "<3>qemunit-helper: never ready: no console line matched 'login: *$'; the last lines "
        "were:\n<3>qemunit-helper: | one\n<3>qemunit-helper: | two\n<3>qemunit-helper: | last words"
        "\n"))
        << journal.read();
    fcntl(notify.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(told(), "");
}

TEST_F(CompanionTest, AQemuThatEndsBeforeItIsReadyIsNotReported) {
    start();
    qemu.say(FakeQemu::kGreeting);
    qemu.hang_up();
    guest.close();
    agent.close();
    EXPECT_EQ(wait_for_exit(), 0);
    fcntl(notify.get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace qemunit::helper
