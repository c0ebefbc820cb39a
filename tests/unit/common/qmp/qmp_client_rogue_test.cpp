// SPDX-License-Identifier: MIT
//
// The QMP client against a peer that a guest has taken over.
#include "tests/unit/common/qmp/qmp_client_fixture.h"

namespace qemunit {
namespace {

using nlohmann::json;
using testing::FakeQemu;

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

}  // namespace
}  // namespace qemunit
