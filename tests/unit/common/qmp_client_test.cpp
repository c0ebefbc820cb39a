// SPDX-License-Identifier: MIT
//
// The QMP client against a peer that follows the protocol, and against one that a
// guest has taken over.
#include "common/qmp_client.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/unit/bus/fake_qemu.h"

namespace qemunit {
namespace {

using nlohmann::json;
using testing::EventLoop;
using testing::FakeQemu;
using namespace std::chrono_literals;

constexpr uint64_t kLong = 60'000'000;
constexpr std::size_t kMaxMessage = 100'000;

class QmpClientTest : public ::testing::Test {
  protected:
    QmpClientTest() {
        std::array<int, 2> fds{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        qemu = FakeQemu(UniqueFd(fds[1]));
        auto created = QmpClient::create(loop.get(), UniqueFd(fds[0]), callbacks(), kMaxMessage);
        EXPECT_TRUE(created);
        client = std::move(*created);
    }

    QmpClient::Callbacks callbacks() {
        return {.ready =
                    [this] {
                        ready = true;
                        hook(on_ready);
                    },
                .event =
                    [this](const QmpEvent &event) {
                        events.push_back(event);
                        hook(on_event);
                    },
                .closed =
                    [this](const std::string &reason) {
                        closed.push_back(reason);
                        hook(on_closed);
                    }};
    }

    static void hook(const std::function<void()> &what) {
        if (what)
            what();
    }

    void make_ready() {
        ASSERT_TRUE(qemu.greet(loop));
        ASSERT_TRUE(loop.run_until([this] { return ready; }));
        qemu.forget();
    }

    void execute(std::string_view command, json arguments = nullptr, uint64_t timeout = kLong) {
        client->execute(command, std::move(arguments), timeout, [this](QmpClient::Reply reply) {
            replies.push_back(std::move(reply));
            hook(on_reply);
        });
    }

    // Runs until all that the peer has said is dealt with.
    void settle() { loop.run_for(50ms); }

    bool wait_for_replies(std::size_t n) {
        return loop.run_until([this, n] { return replies.size() >= n; });
    }

    bool wait_for_close() {
        return loop.run_until([this] { return !closed.empty(); });
    }

    EventLoop loop;
    FakeQemu qemu;
    std::unique_ptr<QmpClient> client;
    bool ready = false;
    std::vector<QmpEvent> events;
    std::vector<std::string> closed;
    std::vector<QmpClient::Reply> replies;
    std::function<void()> on_ready, on_event, on_closed, on_reply;
};

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

TEST_F(QmpClientTest, GarbageClosesTheConnection) {
    for (std::string_view garbage : {"\x01\x02\xff", "[1,2]", "\"QMP\"", "{\"a\":1e999}", "{"}) {
        SCOPED_TRACE(garbage);
        std::array<int, 2> fds{};
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
        FakeQemu rogue{UniqueFd(fds[1])};
        std::string reason;
        auto victim = QmpClient::create(loop.get(), UniqueFd(fds[0]),
                                        {.closed = [&reason](const std::string &why) {
                                            reason = why;
                                        }});
        ASSERT_TRUE(victim);
        rogue.say(garbage);
        ASSERT_TRUE(loop.run_until([&] { return !reason.empty(); }));
        EXPECT_EQ(reason, "QEMU sent something that is not a JSON object");
    }
}

TEST_F(QmpClientTest, ObjectsThatAreNoQmpDoNoHarm) {
    for (const char *odd :
         {R"({})", R"({"QMP":7})", R"({"QMP":{"version":[]}})", R"({"event":7,"data":8})",
          R"({"event":"X","timestamp":{"seconds":"x","microseconds":-1},"data":[]})",
          R"({"return":1})", R"({"return":1,"id":"x"})", R"({"return":1,"id":-1})",
          R"({"return":1,"id":1.5})", R"({"return":1,"id":18446744073709551615})",
          R"({"error":"x","id":1})", R"({"id":1})"})
        qemu.say(odd);
    settle();
    EXPECT_TRUE(closed.empty());
    qemu.say(R"({"return":{},"id":0})");
    ASSERT_TRUE(loop.run_until([this] { return ready; }));
    execute("query-status");
    qemu.say(R"({"error":{},"id":1})");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().message, "");
}

TEST_F(QmpClientTest, ASecondGreetingChangesNothing) {
    make_ready();
    qemu.say(R"({"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":99}}}})");
    settle();
    EXPECT_EQ(client->version(), "7.2.22");
    EXPECT_EQ(qemu.heard(), "");
}

TEST_F(QmpClientTest, AMessageWithoutEndIsCutOff) {
    make_ready();
    const std::string chunk(10'000, 'x');
    for (std::size_t sent = 0; closed.empty() && sent < 10 * kMaxMessage; sent += chunk.size()) {
        qemu.say_raw(chunk);
        settle();
    }
    ASSERT_EQ(closed.size(), 1u);
    EXPECT_EQ(closed[0], "QEMU sent a message of more than 100000 bytes");
}

TEST_F(QmpClientTest, ALargeMessageIsFine) {
    make_ready();
    execute("query-qmp-schema");
    const std::string large(kMaxMessage - 1000, 'x');
    qemu.say(R"({"return":")" + large + R"(","id":1})");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(*replies[0], large);
}

TEST_F(QmpClientTest, DeepNestingClosesTheConnection) {
    make_ready();
    qemu.say_raw(R"({"event":"X","data":{"a":)" + std::string(40'000, '['));
    qemu.say(std::string(40'000, ']') + "}}");
    ASSERT_TRUE(wait_for_close());
    EXPECT_TRUE(events.empty());
}

TEST_F(QmpClientTest, AQemuThatStopsReadingGetsNoMoreCommandsAndCostsNoMore) {
    make_ready();
    const json arguments = {{"text", std::string(10'000, 'x')}};
    for (int i = 0; i < 200 && replies.empty(); ++i)
        execute("chatty", arguments);
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].error().message, "QEMU does not read the commands it is sent");
    EXPECT_TRUE(closed.empty());
}

TEST_F(QmpClientTest, AQemuThatClosesItsReadingSideDoesNotKeepTheLoopBusy) {
    make_ready();
    ASSERT_EQ(shutdown(qemu.fd(), SHUT_RD), 0);
    execute("query-status", nullptr, 300'000);
    settle();
    int turns = 0;
    while (replies.empty() && sd_event_run(loop.get(), 1'000'000) >= 0)
        ++turns;
    EXPECT_LT(turns, 10);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
}

// Each callback may destroy the client, and then nothing more is called.

TEST_F(QmpClientTest, DestroyedFromReady) {
    on_ready = [this] {
        client.reset();
    };
    execute("query-status");
    ASSERT_TRUE(qemu.greet(loop));
    ASSERT_TRUE(loop.run_until([this] { return ready; }));
    settle();
    EXPECT_TRUE(replies.empty());
    EXPECT_TRUE(closed.empty());
}

TEST_F(QmpClientTest, DestroyedFromEvent) {
    make_ready();
    on_event = [this] {
        client.reset();
    };
    execute("query-status");
    qemu.say_raw("{\"event\":\"A\"}\n{\"event\":\"B\"}\n{\"return\":{},\"id\":1}\n");
    settle();
    EXPECT_EQ(events.size(), 1u);
    EXPECT_TRUE(replies.empty());
}

TEST_F(QmpClientTest, DestroyedFromReply) {
    make_ready();
    on_reply = [this] {
        client.reset();
    };
    execute("one");
    execute("two");
    qemu.say_raw("{\"return\":{},\"id\":1}\n{\"return\":{},\"id\":2}\n");
    settle();
    EXPECT_EQ(replies.size(), 1u);
}

TEST_F(QmpClientTest, DestroyedFromTimeout) {
    make_ready();
    on_reply = [this] {
        client.reset();
    };
    execute("one", nullptr, 20'000);
    execute("two", nullptr, 20'000);
    ASSERT_TRUE(wait_for_replies(1));
    settle();
    EXPECT_EQ(replies.size(), 1u);
}

TEST_F(QmpClientTest, DestroyedFromTheReplyOfADisconnect) {
    make_ready();
    on_reply = [this] {
        client.reset();
    };
    execute("one");
    execute("two");
    qemu.hang_up();
    ASSERT_TRUE(wait_for_replies(1));
    settle();
    EXPECT_EQ(replies.size(), 1u);
    EXPECT_TRUE(closed.empty());
}

TEST_F(QmpClientTest, DestroyedFromClosed) {
    make_ready();
    on_closed = [this] {
        client.reset();
    };
    qemu.hang_up();
    ASSERT_TRUE(wait_for_close());
    settle();
    EXPECT_EQ(closed.size(), 1u);
}

// What the callback holds lives as long as the callback runs.
TEST(QmpClientLifeTest, ACallbackMayDestroyTheClientAndStillUseWhatItHolds) {
    EventLoop loop;
    std::array<int, 2> fds{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
    FakeQemu qemu{UniqueFd(fds[1])};
    std::unique_ptr<QmpClient> client;
    std::string seen;
    // Larger than std::function keeps inside itself.
    const std::string held(100, 'h');
    auto created = QmpClient::create(loop.get(), UniqueFd(fds[0]),
                                     {.event = [&client, &seen, held](const QmpEvent &) {
                                         client.reset();
                                         seen = held;
                                     }});
    ASSERT_TRUE(created);
    client = std::move(*created);
    qemu.say(R"({"event":"A"})");
    ASSERT_TRUE(loop.run_until([&] { return !seen.empty(); }));
    EXPECT_EQ(seen, held);
}

TEST(ParseJsonTest, NestingIsBoundedAndStringsDoNotCount) {
    const auto nested = [](int depth) {
        return std::string(static_cast<std::size_t>(depth), '[') +
               std::string(static_cast<std::size_t>(depth), ']');
    };
    EXPECT_TRUE(parse_json(nested(1024)).is_array());
    EXPECT_TRUE(parse_json(nested(1025)).is_discarded());
    EXPECT_TRUE(parse_json(nested(1'000'000)).is_discarded());
    EXPECT_TRUE(parse_json('"' + std::string(5000, '[') + '"').is_string());
    EXPECT_TRUE(parse_json("[\"\\\"" + std::string(5000, '{') + "\\\\\"]").is_array());
    EXPECT_TRUE(parse_json("").is_discarded());
    EXPECT_TRUE(parse_json("{} x").is_discarded());
    EXPECT_TRUE(parse_json("\"\xff\"").is_discarded());
    EXPECT_EQ(json_text(parse_json(" { \"b\" : 18446744073709551615, \"a\":[-1] } ")),
              R"({"a":[-1],"b":18446744073709551615})");
}

TEST(ParseJsonTest, TheNumberOfValuesIsBoundedAndStringsDoNotCount) {
    const auto list_of = [](int length, std::string_view value) {
        std::string text = "[";
        for (int i = 0; i < length; ++i)
            text += (i ? "," : "") + std::string(value);
        return text + "]";
    };
    EXPECT_EQ(parse_json(list_of(199'999, "0")).size(), 199'999u);
    EXPECT_TRUE(parse_json(list_of(200'000, "0")).is_discarded());
    EXPECT_TRUE(parse_json(list_of(100'000, "{}")).is_discarded());
    EXPECT_TRUE(parse_json('"' + std::string(300'000, ',') + '"').is_string());
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

// A connection that another process has used before.
class QmpTakeoverTest : public QmpClientTest {
  protected:
    static constexpr std::string_view kHandshake =
        "\xff\n{\"execute\":\"qmp_capabilities\",\"id\":1000}\n";

    QmpTakeoverTest() {
        std::array<int, 2> fds{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        qemu = FakeQemu(UniqueFd(fds[1]));
        fd.reset(fds[0]);
    }
    void take_over() {
        auto created =
            QmpClient::take_over(loop.get(), std::move(fd), callbacks(), 1000, kMaxMessage);
        EXPECT_TRUE(created);
        client = std::move(*created);
        EXPECT_TRUE(loop.run_until([this] { return qemu.heard() == kHandshake; })) << qemu.heard();
        qemu.forget();
        qemu.say(R"({"error":{"class":"GenericError","desc":"JSON parse error, stray '\uFFFD'"}})");
    }
    void say_is_negotiated() {
        qemu.say(R"({"id":1000,"error":{"class":"CommandNotFound","desc":"already complete"}})");
    }
    void expect_question_for_version() {
        ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("\n"); }));
        EXPECT_EQ(qemu.heard(), "{\"execute\":\"query-version\",\"id\":1001}\n");
        EXPECT_FALSE(ready);
        qemu.forget();
        qemu.say(R"({"return":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"id":1001})");
        ASSERT_TRUE(loop.run_until([this] { return ready; }));
        EXPECT_EQ(client->version(), "7.2.22");
    }
    void expect_use() {
        execute("query-status");
        ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("\n"); }));
        const json command = parse_json(qemu.heard());
        EXPECT_GT(command["id"], 1000);
        qemu.say(R"({"return":"stale","id":1})");  // an answer to the process before
        qemu.say(json_text({{"return", "fresh"}, {"id", command["id"]}}));
        ASSERT_TRUE(wait_for_replies(1));
        EXPECT_EQ(*replies[0], "fresh");
        EXPECT_TRUE(closed.empty());
    }

    UniqueFd fd;
};

TEST_F(QmpTakeoverTest, ASessionThatIsNegotiated) {
    take_over();
    say_is_negotiated();
    expect_question_for_version();
    expect_use();
}

TEST_F(QmpTakeoverTest, AHandshakeThatWasNotBegun) {
    qemu.say(FakeQemu::kGreeting);
    take_over();
    qemu.say(R"({"return":{},"id":1000})");
    ASSERT_TRUE(loop.run_until([this] { return ready; }));
    EXPECT_EQ(client->version(), "7.2.22");
    expect_use();
}

TEST_F(QmpTakeoverTest, AGreetingThatSomebodyElseHasRead) {
    take_over();
    qemu.say(R"({"return":{},"id":1000})");
    expect_question_for_version();
    expect_use();
}

TEST_F(QmpTakeoverTest, AHandshakeThatWasNotAnsweredYet) {
    take_over();
    qemu.say(R"({"return":{},"id":0})");
    settle();
    EXPECT_FALSE(ready);
    say_is_negotiated();
    expect_question_for_version();
    expect_use();
}

TEST_F(QmpTakeoverTest, TheRestOfAMessageIsSkipped) {
    qemu.say(R"(tus":"running"},"id":7})");
    qemu.say(R"({"event":"STOP"})");
    take_over();
    say_is_negotiated();
    expect_question_for_version();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].name, "STOP");
    expect_use();
}

TEST_F(QmpTakeoverTest, MoreThanOneRestIsNone) {
    qemu.say(R"(tus":"running"},"id":7})");
    qemu.say(R"(tus":"running"},"id":7})");
    take_over();
    ASSERT_TRUE(wait_for_close());
    EXPECT_EQ(closed[0], "QEMU sent something that is not a JSON object");
}

TEST_F(QmpTakeoverTest, AnyOtherRefusalClosesTheConnection) {
    take_over();
    qemu.say(R"({"id":1000,"error":{"class":"GenericError","desc":"not you"}})");
    ASSERT_TRUE(wait_for_close());
    EXPECT_EQ(closed[0], "QEMU refused the QMP handshake: not you");
}

TEST_F(QmpTakeoverTest, AQemuThatDoesNotKnowItsVersionIsReadyAllTheSame) {
    take_over();
    say_is_negotiated();
    qemu.say(R"({"id":1001,"error":{"class":"GenericError","desc":"what?"}})");
    ASSERT_TRUE(loop.run_until([this] { return ready; }));
    EXPECT_EQ(client->version(), "");
}

TEST_F(QmpTakeoverTest, CommandsGivenBeforeAreSentWhenItIsReady) {
    take_over();
    execute("query-status");
    say_is_negotiated();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("query-version"); }));
    EXPECT_FALSE(qemu.has_heard("query-status"));
    qemu.say(R"({"return":{},"id":1002})");
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("query-status"); }));
}

TEST_F(QmpTakeoverTest, AnEndInTheHandshakeIsTheEnd) {
    take_over();
    say_is_negotiated();
    qemu.hang_up();
    ASSERT_TRUE(wait_for_close());
    EXPECT_FALSE(ready);
}

}  // namespace
}  // namespace qemunit
