// SPDX-License-Identifier: MIT
//
// The whole companion in a process of its own, with the test as QEMU and as systemd.
#include "helper/companion.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "tests/unit/bus/fake_qemu.h"
#include "tests/unit/helper/listeners.h"
#include "tests/unit/helper/private_run.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using testing::FakeQemu;
using testing::Peer;
using namespace std::chrono_literals;

class CompanionTest : public ::testing::Test {
  protected:
    void start(Awaited ready = {}, UniqueFd resumed = {}) {
        testing::SocketPair qmp, serial, agent_pair;
        CompanionSide side;
        side.qmp = std::move(qmp.one);
        side.ports.push_back({.name = "serial",
                              .guest = std::move(serial.one),
                              .listener = testing::listening_socket(folder / "serial.sock"),
                              .log = false});
        side.agent = PortEnd{.name = "agent",
                             .guest = std::move(agent_pair.one),
                             .listener = {},
                             .log = false,
                             .is_console = false};
        side.ready = std::move(ready);
        if (side.ready.thing == Awaited::Thing::notice) {
            std::filesystem::remove(folder / "vsock");
            side.notices = {testing::listening_socket(folder / "vsock"), [](const sockaddr_vm &) {
                                return true;
                            }};
            side.qemu = 4711;
        }
        side.resumed = std::move(resumed);
        // As main() does, so that no signal comes too early.
        sigset_t stop;
        sigemptyset(&stop);
        sigaddset(&stop, kStopSignal);
        sigprocmask(SIG_BLOCK, &stop, nullptr);
        pid = fork();
        if (pid == 0) {
            side.stop = stop_mode;
            side.stop_timeout_usec = 60'000'000;
            agent_pair.other.reset();
            if (errors)
                dup2(errors.get(), STDERR_FILENO);
            qmp.other.reset();
            serial.other.reset();
            testing::enter_private_run();  // these events are none of this machine's
            setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
            _exit(supervise([&](Handover &handover) {
                if (handover.takeovers == 0) {
                    left.supervisor = handover.supervisor;
                    handover = left;
                }
                return run_companion("vm1", std::move(side), handover);
            }));
        }
        sigprocmask(SIG_UNBLOCK, &stop, nullptr);
        const timeval patience = {.tv_sec = 60, .tv_usec = 0};
        setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        qemu = FakeQemu(std::move(qmp.other));
        guest = Peer(std::move(serial.other));
        agent = Peer(std::move(agent_pair.other));
    }
    ~CompanionTest() override {
        if (pid > 0)
            kill(pid, SIGKILL);
        wait_for_exit();
    }

    // What systemd is told next.
    std::string told() const {
        char buffer[4096];
        const ssize_t n = recv(notify.get(), buffer, sizeof buffer, 0);
        return {buffer, static_cast<std::size_t>(std::max<ssize_t>(0, n))};
    }
    int wait_for_exit() {
        int status = -1;
        if (pid > 0)
            waitpid(std::exchange(pid, -1), &status, 0);
        return status;
    }

    testing::TemporaryFolder folder;
    UniqueFd notify = testing::bound_socket(folder / "notify", SOCK_DGRAM);
    testing::EventLoop loop;
    FakeQemu qemu;
    Peer guest, agent;
    UniqueFd errors;  // where its standard error goes
    // Waits for the command, and gives its answer.
    void answer(const std::string &command, const std::string &value) {
        EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"" + command + "\""); }, 60s))
            << command;
        // Ids count on, in the order of the commands.
        qemu.say(R"({"return":)" + value + R"(,"id":)" + std::to_string(++answered) + "}");
        qemu.forget();
    }

    // What the guest's systemd does; returns when it has been heard.
    void say_as_guest(const std::string &text) {
        Peer systemd = Peer::connect(folder / "vsock");
        EXPECT_EQ(systemd.write(text), text.size());
        systemd.end_input();
        EXPECT_TRUE(loop.run_until([&] { return systemd.has_ended(); }, 60s)) << text;
    }

    // Kills the process that does the work, and is QEMU to the one that takes over.
    void kill_worker() {
        ASSERT_EQ(kill(worker(), SIGKILL), 0);
        ++takeovers;
        greet_next();
    }
    void greet_next() {
        ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("qmp_capabilities"); }, 60s));
        answered = uint64_t{takeovers} << 32;
        qemu.forget();
        qemu.say(R"({"error":{"class":"CommandNotFound","desc":"already complete"},"id":)" +
                 std::to_string(answered) + "}");
        answer("query-version", R"({"qemu":{"major":7,"minor":2,"micro":22}})");
    }
    // The child of the supervisor, which is ours.
    pid_t worker() const {
        std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
        pid_t child = -1;
        children >> child;
        return child;
    }

    StopMode stop_mode = StopMode::poweroff;
    uint64_t answered = 0;
    unsigned takeovers = 0;
    Handover left{};  // by one that was killed before
    pid_t pid = -1;
};

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

TEST_F(CompanionTest, IsReadyWhenTheConsoleHasTheLine) {
    start({Awaited::Thing::console_line, "login: *$"});
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for a console line that matches 'login: *$'");
    qemu.say(R"({"event":"RESUME"})");
    EXPECT_EQ(told(), "STATUS=Running, waiting for a console line that matches 'login: *$'");
    guest.write("booting\r\nguest login: ");
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

const Awaited kNotice{Awaited::Thing::notice, "", 42};

TEST_F(CompanionTest, IsReadyWhenTheGuestSaysSo) {
    start(kNotice);
    ASSERT_TRUE(qemu.greet(loop));
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1");
    say_as_guest("STATUS=half way there");
    EXPECT_EQ(told(), "STATUS=Started, waiting for the guest's READY=1; guest: half way there");
    say_as_guest("READY=1");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22; guest: half way there");
}

TEST_F(CompanionTest, TheNextOneKnowsWhatTheGuestHasSaid) {
    start(kNotice);
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
    start(kNotice);
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
    start(kNotice);
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
    guest.write("guest login: ");
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
    EXPECT_TRUE(loop.run_until([&] { return helper.read() == std::string(1, '\0'); }, 60s));
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
}  // namespace qemunit
