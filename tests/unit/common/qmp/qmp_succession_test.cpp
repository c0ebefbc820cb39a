// SPDX-License-Identifier: MIT
//
// The QMP client of a guest that goes on in another QEMU.
#include "tests/unit/common/qmp/qmp_client_fixture.h"

namespace qemunit {
namespace {

using nlohmann::json;
using testing::FakeQemu;

class QmpSuccessionTest : public QmpClientTest {
  protected:
    QmpSuccessionTest() {
        make_ready();
        std::array<int, 2> fds{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        next_qemu = FakeQemu(UniqueFd(fds[1]));
        auto created = QmpClient::create(loop.get(), UniqueFd(fds[0]),
                                         {.ready = [this] { next_is_ready = true; },
                                          .event = [this](const QmpEvent &) { ++old_callbacks; },
                                          .closed =
                                              [this](const std::string &) {
                                                  ++old_callbacks;
                                              }},
                                         kMaxMessage);
        EXPECT_TRUE(created);
        next = std::move(*created);
        EXPECT_TRUE(next_qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return next_is_ready; }));
        next_qemu.forget();
    }

    FakeQemu next_qemu;
    std::unique_ptr<QmpClient> next;
    bool next_is_ready = false;
    int old_callbacks = 0;
};

TEST_F(QmpSuccessionTest, TheOtherConnectionHasTheCallbacksOfThisOne) {
    execute("query-status");
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("\n"); }));
    client->become(std::move(next));
    ASSERT_TRUE(wait_for_replies(1));
    ASSERT_FALSE(replies[0]);
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::disconnected);
    next_qemu.say(R"({"event":"RESUME","timestamp":{"seconds":1,"microseconds":2}})");
    ASSERT_TRUE(loop.run_until([this] { return !events.empty(); }));
    EXPECT_EQ(events[0].name, "RESUME");
    execute("query-status");
    ASSERT_TRUE(loop.run_until([this] { return next_qemu.has_heard("\n"); }));
    next_qemu.say(json_text({{"return", "fresh"}, {"id", parse_json(next_qemu.heard())["id"]}}));
    ASSERT_TRUE(wait_for_replies(2));
    EXPECT_EQ(*replies[1], "fresh");
    EXPECT_TRUE(closed.empty());
    next_qemu = FakeQemu();
    EXPECT_TRUE(wait_for_close());
    EXPECT_EQ(old_callbacks, 0);
}

TEST_F(QmpSuccessionTest, AnOtherThatIsGoneIsHeardOf) {
    next_qemu = FakeQemu();
    ASSERT_TRUE(loop.run_until([this] { return old_callbacks == 1; }));
    client->become(std::move(next));
    EXPECT_EQ(closed.size(), 1u);
}

}  // namespace
}  // namespace qemunit
