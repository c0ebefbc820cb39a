// SPDX-License-Identifier: MIT
//
// Varlink over a pair of sockets: what belongs together, what is too much, and who says nothing.
#include "helper/machine/varlink.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/time_units.h"

namespace qemunit::helper {
namespace {

struct VarlinkPair {
    VarlinkPair() {
        int fds[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ours = Varlink(UniqueFd(fds[0]));
        theirs = UniqueFd(fds[1]);
    }
    void say(std::string_view bytes) const {
        EXPECT_EQ(write(theirs.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }

    Varlink ours{UniqueFd()};
    UniqueFd theirs;
};

TEST(VarlinkTest, MessagesEndWithANul) {
    VarlinkPair pair;
    pair.say(std::string_view("{\"a\":1}\0{\"b\"", 12));
    auto message = pair.ours.receive(kSecond);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((**message)["a"], 1);
    pair.say(std::string_view(":2}\0", 4));
    message = pair.ours.receive(kSecond);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((**message)["b"], 2);
    pair.theirs.reset();
    message = pair.ours.receive(kSecond);
    ASSERT_TRUE(message);
    EXPECT_FALSE(*message);

    VarlinkPair other;
    ASSERT_TRUE(other.ours.send({{"method", "a.b"}}));
    char buffer[100];
    const ssize_t n = read(other.theirs.get(), buffer, sizeof buffer);
    EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(n)),
              std::string_view("{\"method\":\"a.b\"}\0", 17));
}

TEST(VarlinkTest, WhatIsNoObjectIsRefused) {
    for (const std::string_view bytes :
         {std::string_view("x\0", 2), std::string_view("[]\0", 3), std::string_view("\0", 1)}) {
        VarlinkPair pair;
        pair.say(bytes);
        EXPECT_FALSE(pair.ours.receive(kSecond)) << bytes;
    }
}

TEST(VarlinkTest, NobodyIsWaitedForForEverAndNothingGrows) {
    VarlinkPair pair;
    const auto nothing = pair.ours.receive(kMillisecond);
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ETIMEDOUT);
    pair.say(std::string(100'000, 'x'));
    const auto much = pair.ours.receive(kSecond);
    ASSERT_FALSE(much);
    EXPECT_EQ(much.error().code, EMSGSIZE);
}

}  // namespace
}  // namespace qemunit::helper
