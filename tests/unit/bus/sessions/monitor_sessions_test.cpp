// SPDX-License-Identifier: MIT
#include "bus/sessions/monitor_sessions.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "bus/sessions/hmp_language.h"
#include "bus/sessions/qmp_language.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::bus {
namespace {

using nlohmann::json;
using testing::EventLoop;
using testing::FakeListener;
using testing::FakeQemu;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

// A client's end, which hears and says as QEMU's does.
using Client = FakeQemu;

class MonitorSessionsTest : public ::testing::Test {
  protected:
    MonitorSessionsTest() {
        monitor.open(true);
        EXPECT_TRUE(loop.run_until([&] {
            qemu = listener.accept();
            return static_cast<bool>(qemu);
        }));
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }));
        qemu.say(R"({"return":{"status":"running"},"id":1})");
        qemu.forget();
    }

    Client open_hmp() {
        auto fd = sessions.open(":1.1", std::make_unique<HmpLanguage>("7.2.22"));
        EXPECT_TRUE(fd);
        return Client(std::move(*fd));
    }
    Client open_qmp() {
        auto fd = sessions.open(":1.1", std::make_unique<QmpLanguage>(json::object()));
        EXPECT_TRUE(fd);
        Client client(std::move(*fd));
        client.say(R"({"execute":"qmp_capabilities"})");
        EXPECT_TRUE(hears(client, "{\"return\":{}}\r\n"));
        client.forget();
        return client;
    }
    bool hears(FakeQemu &who, std::string_view text) const {
        return loop.run_until([&] { return who.has_heard(text); });
    }
    // Everything that it was sent is read by now, too.
    bool is_hung_up(Client &client) const {
        return loop.run_until([&] {
            client.heard();
            char byte = 0;
            return recv(client.fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
        });
    }

    EventLoop loop;
    TemporaryFolder folder;
    FakeListener listener{folder / "control.sock"};
    VmMonitor monitor{
        loop.get(), folder / "control.sock",
        VmMonitor::Callbacks{.refreshed = [] {},
                             .event = [this](const QmpEvent &event) { sessions.take_event(event); },
                             .violated = [](const std::string &) {},
                             .lost =
                                 [this](const std::string &) {
                                     sessions.end_all();
                                 }}};
    MonitorSessions sessions{loop.get(), monitor};
    FakeQemu qemu;
};

TEST_F(MonitorSessionsTest, OneCommandAtATime) {
    Client client = open_hmp();
    client.say("first\nsecond");
    ASSERT_TRUE(hears(qemu, "\"first\""));
    loop.run_for(20ms);
    EXPECT_FALSE(qemu.has_heard("\"second\""));
    client.forget();
    qemu.say(R"({"return":"1\r\n","id":2})");
    ASSERT_TRUE(hears(qemu, "\"second\""));
    qemu.say(R"({"return":"2\r\n","id":3})");
    EXPECT_TRUE(hears(client, "1\r\n(qemu) 2\r\n(qemu) "));
}

TEST_F(MonitorSessionsTest, WhatWasSaidBeforeTheEndIsRunAndAnswered) {
    Client client = open_hmp();
    client.say_raw("first\nsecond\nhalf a li");
    shutdown(client.fd(), SHUT_WR);
    for (const auto &[command, id] : {std::pair("first", 2), {"second", 3}}) {
        ASSERT_TRUE(hears(qemu, std::string("\"") + command + "\""));
        qemu.say("{\"return\":\"\",\"id\":" + std::to_string(id) + "}");
    }
    EXPECT_TRUE(is_hung_up(client));
    EXPECT_TRUE(client.heard().ends_with("(qemu) (qemu) (qemu) ")) << client.heard();
    EXPECT_FALSE(qemu.has_heard("half"));
}

TEST_F(MonitorSessionsTest, WhoHasLeftIsForgottenWhenAllIsDone) {
    Client client = open_hmp();
    client.say_raw("first\nsecond\n");
    client.hang_up();
    ASSERT_TRUE(hears(qemu, "\"first\""));
    qemu.say(R"({"return":"","id":2})");
    ASSERT_TRUE(hears(qemu, "\"second\""));
    qemu.say(R"({"return":"","id":3})");
    std::vector<Client> others;
    EXPECT_TRUE(loop.run_until([&] {
        auto fd = sessions.open(":1.1", std::make_unique<HmpLanguage>("7.2.22"));
        if (fd)
            others.emplace_back(std::move(*fd));
        return others.size() == MonitorSessions::kMaxOfCaller;
    }));
    EXPECT_FALSE(sessions.open(":1.1", std::make_unique<HmpLanguage>("7.2.22")));
    EXPECT_TRUE(sessions.open(":1.2", std::make_unique<HmpLanguage>("7.2.22")));
}

TEST_F(MonitorSessionsTest, WhoDoesNotReadEventsIsHungUpOn) {
    Client deaf = open_qmp(), other = open_qmp();
    const std::string event =
        R"({"event":"X","data":{"text":")" + std::string(50'000, 'x') + "\"}}";
    std::size_t sent = 0;
    for (; sent < 60; ++sent) {
        qemu.say(event);
        other.forget();
        ASSERT_TRUE(hears(other, "}\r\n")) << sent;
    }
    other.say(R"({"execute":"query-name"})");
    EXPECT_TRUE(hears(qemu, "query-name"));
    EXPECT_TRUE(is_hung_up(deaf));
    EXPECT_LT(deaf.heard().size(), sent * 50'000);
}

TEST_F(MonitorSessionsTest, AQemuThatIsLostEndsThemAll) {
    Client one = open_hmp(), two = open_qmp();
    one.say_raw("first\n");
    ASSERT_TRUE(hears(qemu, "\"first\""));
    qemu.hang_up();
    EXPECT_TRUE(is_hung_up(one));
    EXPECT_TRUE(is_hung_up(two));
}

}  // namespace
}  // namespace qemunit::bus
