// SPDX-License-Identifier: MIT
//
// What goes through the bridge, with the test as QEMU and as the other host.
#include "helper/lifecycle/copy_bridge.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <optional>

#include "common/time_units.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;

class CopyBridgeTest : public ::testing::Test {
  protected:
    void make(pid_t client = getpid(), uint64_t patience = 60 * kSecond) {
        testing::SocketPair pair;
        remote = testing::FakeQemu(std::move(pair.other));
        auto created = CopyBridge::create(loop.get(), std::move(pair.one), client, patience,
                                          {.greeted = [this] { ++greeted; },
                                           .closed =
                                               [this](const std::string &why) {
                                                   closed = why;
                                               }});
        ASSERT_TRUE(created) << created.error().message;
        bridge = std::move(*created);
    }
    void connect() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        bridge->address().copy(address.sun_path + 1, sizeof address.sun_path - 1);
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr *>(&address),
                            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                                   bridge->address().size())),
                  0);
        qemu = testing::FakeQemu(std::move(fd));
    }
    bool has_closed() {
        return loop.run_until([this] { return closed.has_value(); }, 10s);
    }

    testing::EventLoop loop;
    testing::FakeQemu remote, qemu;
    std::unique_ptr<CopyBridge> bridge;
    int greeted = 0;
    std::optional<std::string> closed;
};

TEST_F(CopyBridgeTest, PassesOnWhatBothSay) {
    make();
    remote.say_raw("NBDMAGIC");
    ASSERT_TRUE(loop.run_until([this] { return greeted == 1; }, 10s));
    connect();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("NBDMAGIC"); }, 10s));
    qemu.say_raw("a request");
    ASSERT_TRUE(loop.run_until([this] { return remote.has_heard("a request"); }, 10s));
    remote.say_raw("an answer");
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("an answer"); }, 10s));
    EXPECT_EQ(greeted, 1);
    EXPECT_FALSE(closed);
}

// What cannot be sent is kept, and nothing more is read until it has gone.
TEST_F(CopyBridgeTest, ASlowSideHoldsTheOtherBack) {
    make();
    remote.say_raw("NBDMAGIC");
    connect();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("NBDMAGIC"); }, 10s));
    const std::string block(64u << 10, 'x');
    std::size_t said = 0;
    for (int rounds = 0; rounds < 200; ++rounds) {
        const ssize_t n = send(qemu.fd(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        said += n > 0 ? static_cast<std::size_t>(n) : 0;
        loop.settle();
    }
    EXPECT_LT(said, 200 * block.size());
    std::size_t heard = 0;
    ASSERT_TRUE(loop.run_until(
        [&] {
            heard += remote.heard().size();
            remote.forget();
            return heard >= said;
        },
        30s));
    EXPECT_EQ(heard, said);
    EXPECT_FALSE(closed);
}

TEST_F(CopyBridgeTest, OneSidesEndIsTheOthers) {
    make();
    remote.say_raw("NBDMAGIC");
    connect();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("NBDMAGIC"); }, 10s));
    remote.hang_up();
    ASSERT_TRUE(has_closed());
    char byte = 0;
    EXPECT_EQ(recv(qemu.fd(), &byte, 1, 0), 0);
}

TEST_F(CopyBridgeTest, NobodyButQemuConnects) {
    make(getppid());
    remote.say_raw("NBDMAGIC");
    connect();
    loop.run_for(50ms);
    char byte = 0;
    EXPECT_EQ(recv(qemu.fd(), &byte, 1, 0), 0);  // refused
    EXPECT_FALSE(closed);
}

TEST_F(CopyBridgeTest, AnAnswerThatDoesNotComeEndsIt) {
    make(getpid(), 300 * kMillisecond);
    remote.say_raw("NBDMAGIC");
    connect();
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("NBDMAGIC"); }, 10s));
    loop.run_for(700ms);
    EXPECT_FALSE(closed);  // nobody has asked anything
    qemu.say_raw("a request");
    ASSERT_TRUE(has_closed());
    EXPECT_EQ(*closed, "the other host does not answer");
}

}  // namespace
}  // namespace qemunit::helper
