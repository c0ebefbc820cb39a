// SPDX-License-Identifier: MIT
//
// The QMP client on a connection that another process has used.
#include "tests/unit/common/qmp/qmp_client_fixture.h"

namespace qemunit {
namespace {

using nlohmann::json;
using testing::FakeQemu;

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
