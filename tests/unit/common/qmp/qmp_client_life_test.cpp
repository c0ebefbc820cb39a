// SPDX-License-Identifier: MIT
//
// Whoever is called by the QMP client may destroy it.
#include "tests/unit/common/qmp/qmp_client_fixture.h"

namespace qemunit {
namespace {

using testing::EventLoop;
using testing::FakeQemu;

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

}  // namespace
}  // namespace qemunit
