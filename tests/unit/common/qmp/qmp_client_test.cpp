// SPDX-License-Identifier: MIT
//
// The QMP client against a peer that follows the protocol.
#include "common/qmp/qmp_client.h"

#include "tests/unit/common/qmp/qmp_client_fixture.h"

namespace qemunit {
namespace {

using nlohmann::json;
using testing::FakeQemu;

TEST_F(QmpClientTest, TheGreetingAloneIsNotReadiness) {
    qemu.say(FakeQemu::kGreeting);
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("\n"); }));
    EXPECT_EQ(qemu.heard(), "{\"execute\":\"qmp_capabilities\",\"id\":0}\n");
    EXPECT_EQ(client->version(), "7.2.22");
    EXPECT_FALSE(ready);
    EXPECT_FALSE(client->is_ready());

    qemu.say(R"({"return":{},"id":0})");
    ASSERT_TRUE(loop.run_until([this] { return ready; }));
    EXPECT_TRUE(client->is_ready());
}

TEST_F(QmpClientTest, ARefusedHandshakeClosesTheConnection) {
    qemu.say(FakeQemu::kGreeting);
    qemu.say(R"({"error":{"class":"GenericError","desc":"not you"},"id":0})");
    ASSERT_TRUE(wait_for_close());
    EXPECT_EQ(closed[0], "QEMU refused the QMP handshake: not you");
    EXPECT_FALSE(ready);
}

TEST_F(QmpClientTest, GivesTheReplyOfEachCommandToItsCaller) {
    make_ready();
    json first, second;
    client->execute("query-name", nullptr, kLong, [&](auto reply) { first = *reply; });
    client->execute("query-uuid", {{"a", 1}}, kLong, [&](auto reply) { second = *reply; });
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("query-uuid"); }));
    EXPECT_EQ(qemu.heard(),
              "{\"execute\":\"query-name\",\"id\":1}\n"
              "{\"arguments\":{\"a\":1},\"execute\":\"query-uuid\",\"id\":2}\n");

    qemu.say(R"({"return":"two","id":2})");
    qemu.say(R"({"return":{"name":"one"},"id":1})");
    ASSERT_TRUE(loop.run_until([&] { return !first.is_null(); }));
    EXPECT_EQ(first, json({{"name", "one"}}));
    EXPECT_EQ(second, "two");
}

TEST_F(QmpClientTest, AnAnswerOfAnotherTypeEndsTheConnectionAndNoMore) {
    make_ready();
    bool is_told = false;
    client->execute("add-fd", nullptr, kLong,
                    [&](auto reply) { (void)reply->value("fdset-id", json()); });
    client->execute("query-name", nullptr, kLong, [&](auto reply) { is_told = !reply; });
    qemu.say(R"({"return":[],"id":1})");
    ASSERT_TRUE(wait_for_close());
    EXPECT_TRUE(closed[0].starts_with("QEMU sent something that QEMU does not say: ")) << closed[0];
    EXPECT_TRUE(is_told);
}

TEST_F(QmpClientTest, GivesQemusWordsForAnError) {
    make_ready();
    execute("nonsense");
    qemu.say(R"({"error":{"class":"CommandNotFound","desc":"The command x"},"id":1})");
    ASSERT_TRUE(wait_for_replies(1));
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::monitor);
    EXPECT_EQ(replies[0].error().message, "The command x");
}

TEST_F(QmpClientTest, CommandsGivenBeforeTheHandshakeAreSentAfterIt) {
    execute("query-status");
    settle();
    EXPECT_EQ(qemu.heard(), "");
    make_ready();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("query-status"); }));
    qemu.say(R"({"return":{"status":"running"},"id":1})");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ((*replies[0])["status"], "running");
}

TEST_F(QmpClientTest, ReportsEventsWithTheirTime) {
    make_ready();
    qemu.say(R"({"timestamp":{"seconds":1700000000,"microseconds":123456},"event":"SHUTDOWN",)"
             R"("data":{"guest":true,"reason":"guest-shutdown"}})");
    qemu.say(R"({"event":"STOP"})");
    ASSERT_TRUE(loop.run_until([this] { return events.size() == 2; }));
    EXPECT_EQ(events[0].name, "SHUTDOWN");
    EXPECT_EQ(events[0].usec, 1'700'000'000'123'456u);
    EXPECT_EQ(events[0].data["reason"], "guest-shutdown");
    EXPECT_EQ(events[1].name, "STOP");
    EXPECT_EQ(events[1].usec, 0u);
    EXPECT_EQ(events[1].data, json::object());
}

TEST_F(QmpClientTest, AnEventBeforeTheReplyDoesNotDisturbIt) {
    make_ready();
    execute("stop");
    qemu.say_raw("{\"event\":\"STOP\"}\r\n{\"return\":{},\"id\":1}\r\n");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(events.size(), 1u);
}

TEST_F(QmpClientTest, MessagesMayComeInAnyPieces) {
    make_ready();
    execute("query-status");
    for (const char c : std::string_view("{\"return\":{\"status\":\"paused\"},\"id\":1}\r\n")) {
        EXPECT_TRUE(replies.empty());
        qemu.say_raw({&c, 1});
        sd_event_run(loop.get(), 5000);
    }
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ((*replies[0])["status"], "paused");
}

TEST_F(QmpClientTest, ACommandThatIsNotAnsweredTimesOut) {
    make_ready();
    execute("query-status", nullptr, 20'000);
    ASSERT_TRUE(wait_for_replies(1));
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
    EXPECT_EQ(replies[0].error().message, "QEMU did not answer 'query-status' in time");
}

TEST_F(QmpClientTest, ALateReplyIsIgnoredAndTheConnectionLivesOn) {
    make_ready();
    execute("slow", nullptr, 20'000);
    ASSERT_TRUE(wait_for_replies(1));
    execute("quick");
    qemu.say(R"({"return":"late","id":1})");
    qemu.say(R"({"return":"quick","id":2})");
    ASSERT_TRUE(wait_for_replies(2));
    settle();
    EXPECT_EQ(replies.size(), 2u);
    EXPECT_EQ(*replies[1], "quick");
    EXPECT_TRUE(closed.empty());
}

TEST_F(QmpClientTest, TheDeadlineCountsBeforeTheHandshakeToo) {
    execute("query-status", nullptr, 20'000);
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
}

TEST_F(QmpClientTest, WhenQemuEndsEveryPendingCommandHearsOfIt) {
    make_ready();
    execute("one");
    execute("two");
    qemu.hang_up();
    ASSERT_TRUE(wait_for_close());
    ASSERT_EQ(replies.size(), 2u);
    for (const auto &reply : replies) {
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().kind, QmpError::Kind::disconnected);
    }
    EXPECT_EQ(closed.size(), 1u);

    execute("three");
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_EQ(replies[2].error().kind, QmpError::Kind::disconnected);
}

TEST_F(QmpClientTest, WhatQemuSaidBeforeItEndedStillCounts) {
    make_ready();
    execute("quit");
    qemu.say(R"({"return":{},"id":1})");
    qemu.say(R"({"event":"SHUTDOWN","data":{"reason":"host-qmp-quit"}})");
    qemu.hang_up();
    ASSERT_TRUE(wait_for_close());
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_TRUE(replies[0]);
    EXPECT_EQ(events.size(), 1u);
}

TEST(ConnectUnixTest, SaysWhatFailed) {
    auto missing = connect_unix("/nonexistent/control.sock");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ENOENT);
    EXPECT_EQ(missing.error().message,
              "cannot connect to /nonexistent/control.sock: No such file or directory");
    auto too_long = connect_unix(std::string(200, 'x'));
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, ENAMETOOLONG);
}

TEST_F(QmpClientTest, AQemuThatEndsGetsNoCommand) {
    make_ready();
    settle();
    qemu.heard();
    qemu.forget();
    qemu.say(R"({"event":"SHUTDOWN"})");
    ASSERT_TRUE(loop.run_until([&] { return !events.empty(); }));
    std::string error;
    client->execute("query-status", nullptr, kLong,
                    [&](const QmpClient::Reply &reply) { error = reply.error().message; });
    EXPECT_EQ(error, "QEMU is about to end");
    settle();
    EXPECT_EQ(qemu.heard(), "");
    qemu.say(R"({"event":"STOP"})");  // -no-shutdown
    ASSERT_TRUE(loop.run_until([&] { return events.size() == 2; }));
    client->execute("query-status", nullptr, kLong, [](const QmpClient::Reply &) {});
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("query-status"); }));
}

}  // namespace
}  // namespace qemunit
