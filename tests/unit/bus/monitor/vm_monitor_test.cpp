// SPDX-License-Identifier: MIT
#include "bus/monitor/vm_monitor.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "tests/unit/fake_qemu.h"

namespace qemunit::bus {
namespace {

using testing::EventLoop;
using testing::FakeListener;
using testing::FakeQemu;
using namespace std::chrono_literals;

class VmMonitorTest : public ::testing::Test {
  protected:
    VmMonitorTest() {
        std::string pattern = ::testing::TempDir() + "vm-monitor-XXXXXX";
        dir = mkdtemp(pattern.data());
        socket = dir / "control.sock";
        monitor = std::make_unique<VmMonitor>(
            loop.get(), socket,
            VmMonitor::Callbacks{
                .refreshed = [this] { ++refreshed; },
                .event = [this](const QmpEvent &event) { events.push_back(event.name); },
                .violated = [this](const std::string &how) { violations.push_back(how); },
                .lost = [this](const std::string &reason) { losses.push_back(reason); },
                .has_ended =
                    [this] {
                        return has_ended;
                    }});
    }
    ~VmMonitorTest() override { std::filesystem::remove_all(dir); }

    void execute(std::string_view command, std::chrono::microseconds timeout = 20s) {
        monitor->execute(command, nullptr,
                         monotonic_now(loop.get()) + static_cast<uint64_t>(timeout.count()),
                         [this](VmMonitor::Reply reply) { replies.push_back(std::move(reply)); });
    }

    FakeQemu accept(const FakeListener &listener) {
        FakeQemu qemu;
        EXPECT_TRUE(loop.run_until([&] {
            qemu = listener.accept();
            return static_cast<bool>(qemu);
        }));
        return qemu;
    }

    // A connection with its status told.
    FakeQemu connect(const FakeListener &listener, const char *status = "running") {
        FakeQemu qemu = accept(listener);
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }));
        say_status(qemu, status, 1);
        qemu.forget();
        EXPECT_TRUE(loop.run_until([&] { return monitor->status() == status; }));
        return qemu;
    }

    static void say_status(const FakeQemu &qemu, const std::string &status, int id) {
        qemu.say(R"({"return":{"status":")" + status + R"("},"id":)" + std::to_string(id) + "}");
    }

    bool wait_for_replies(std::size_t n) {
        return loop.run_until([this, n] { return replies.size() >= n; });
    }

    EventLoop loop;
    std::filesystem::path dir;
    std::string socket;
    std::unique_ptr<VmMonitor> monitor;
    int refreshed = 0;
    std::vector<std::string> events;
    std::vector<std::string> violations;
    std::vector<std::string> losses;
    bool has_ended = false;
    std::vector<VmMonitor::Reply> replies;
};

TEST_F(VmMonitorTest, ConnectsAndAsksForTheStatus) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener, "paused");
    EXPECT_EQ(monitor->version(), "7.2.22");
    EXPECT_GE(refreshed, 2);
}

TEST_F(VmMonitorTest, TriesAgainUntilSomebodyListensAndCallsWaitForThat) {
    monitor->open(true);
    EXPECT_TRUE(monitor->is_open());
    execute("query-name");
    loop.run_for(50ms);
    EXPECT_TRUE(replies.empty());

    FakeListener listener(socket);
    FakeQemu qemu = accept(listener);
    ASSERT_TRUE(qemu.greet(loop));
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-name"); }));
    qemu.say(R"({"return":"it","id":2})");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(*replies[0], "it");
}

TEST_F(VmMonitorTest, AWaitingCallTimesOutWithTheReason) {
    monitor->open(true);
    execute("query-name", 50ms);
    ASSERT_TRUE(wait_for_replies(1));
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
    EXPECT_EQ(replies[0].error().message,
              "cannot connect to " + socket + ": No such file or directory");
}

TEST_F(VmMonitorTest, AHangingQemuTimesOutAndItsLateReplyIsIgnored) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    execute("slow", 50ms);
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
    qemu.say(R"({"return":{},"id":2})");
    execute("quick");
    qemu.say(R"({"return":"quick","id":3})");
    ASSERT_TRUE(wait_for_replies(2));
    EXPECT_EQ(*replies[1], "quick");
}

TEST_F(VmMonitorTest, AQemuThatAnswersNothingIsAskedOnlySoMuch) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    for (int i = 0; i < 4096; ++i)
        execute("never");
    EXPECT_TRUE(replies.empty());
    execute("beyond");
    ASSERT_EQ(replies.size(), 1u);
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
    EXPECT_EQ(replies[0].error().message, "it owes the answers to too many commands");
}

TEST_F(VmMonitorTest, WithoutPersistenceThereIsOneAttempt) {
    monitor->open(false);
    EXPECT_FALSE(monitor->is_open());
    FakeListener listener(socket);
    loop.run_for(300ms);
    EXPECT_FALSE(listener.accept());
}

TEST_F(VmMonitorTest, AVmThatStopsIsNotConnectedToAgain) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    monitor->open(false);
    execute("still-there");
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("still-there"); }));
    qemu.hang_up();
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::disconnected);
    EXPECT_FALSE(monitor->is_open());
    loop.run_for(300ms);
    EXPECT_FALSE(listener.accept());
}

TEST_F(VmMonitorTest, AVmThatStopsBeforeItWasReachedFailsWhoWaits) {
    monitor->open(true);
    execute("query-name");
    monitor->open(false);
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::disconnected);
}

// Its sockets are systemd's, and listen until systemd has heard of its end.
TEST_F(VmMonitorTest, AQemuThatHasEndedIsNotConnectedToAgain) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    has_ended = true;
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until([&] { return !losses.empty(); }));
    loop.run_for(500ms);
    EXPECT_FALSE(listener.accept());
    has_ended = false;  // it was started anew
    EXPECT_TRUE(accept(listener));
}

TEST_F(VmMonitorTest, ABrokenConnectionIsMadeAnew) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener, "paused");
    execute("lost");
    qemu.hang_up();
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::disconnected);
    EXPECT_EQ(monitor->status(), "paused");
    FakeQemu again = connect(listener, "running");
    EXPECT_TRUE(violations.empty());
}

TEST_F(VmMonitorTest, AViolationIsReported) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    qemu.say("garbage");
    ASSERT_TRUE(loop.run_until([this] { return !violations.empty(); }));
    EXPECT_EQ(violations[0], "QEMU sent something that is not a JSON object");
    connect(listener);
}

TEST_F(VmMonitorTest, CloseEndsEveryCallAndForgetsTheStatus) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    execute("one");
    execute("two");
    monitor->close("the VM is off");
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[1].error().kind, QmpError::Kind::disconnected);
    EXPECT_EQ(replies[1].error().message, "the VM is off");
    EXPECT_EQ(monitor->status(), "");
    EXPECT_EQ(monitor->version(), "");
    EXPECT_FALSE(monitor->is_open());
    EXPECT_EQ(losses, std::vector<std::string>{"the VM is off"});
    execute("three");
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_EQ(replies[2].error().message, "the VM is off");
    loop.run_for(300ms);
    EXPECT_FALSE(listener.accept());
}

TEST_F(VmMonitorTest, EventsRefreshTheStatusWithOneQueryAtATime) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    for (int i = 0; i < 50; ++i)
        qemu.say(R"({"event":"STOP"})");
    qemu.say(R"({"event":"RTC_CHANGE"})");
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }));
    EXPECT_EQ(events.size(), 51u);
    EXPECT_EQ(qemu.heard(), "{\"execute\":\"query-status\",\"id\":2}\n");
    qemu.forget();
    qemu.say(R"({"event":"STOP"})");
    ASSERT_TRUE(loop.run_until([this] { return events.size() == 52; }));
    say_status(qemu, "paused", 2);
    ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }));
    EXPECT_EQ(monitor->status(), "paused");
    EXPECT_EQ(qemu.heard(), "{\"execute\":\"query-status\",\"id\":3}\n");
    qemu.forget();
    say_status(qemu, "io-error", 3);
    ASSERT_TRUE(loop.run_until([this] { return monitor->status() == "io-error"; }));
    EXPECT_EQ(qemu.heard(), "");
}

// It would wait for the command for ever.
TEST_F(VmMonitorTest, AQemuThatEndsIsAskedNothing) {
    FakeListener listener(socket);
    monitor->open(false);
    FakeQemu qemu = connect(listener);
    qemu.say(R"({"event":"GUEST_PANICKED","data":{"action":"poweroff"}})");
    qemu.say(R"({"event":"STOP"})");
    qemu.say(R"({"event":"SHUTDOWN"})");
    ASSERT_TRUE(loop.run_until([this] { return events.size() == 3; }));
    shutdown(qemu.fd(), SHUT_WR);
    ASSERT_TRUE(loop.run_until([this] { return !monitor->is_open(); }));
    EXPECT_EQ(qemu.heard(), "");
}

TEST_F(VmMonitorTest, AStatusThatSomebodyElseAskedForCounts) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    execute("query-status");
    say_status(qemu, "paused", 2);
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(monitor->status(), "paused");
}

TEST_F(VmMonitorTest, ItMayGoWhileCallsArePending) {
    FakeListener listener(socket);
    monitor->open(true);
    FakeQemu qemu = connect(listener);
    execute("one");
    monitor.reset();
    loop.run_for(20ms);
    EXPECT_TRUE(replies.empty());
}

}  // namespace
}  // namespace qemunit::bus
