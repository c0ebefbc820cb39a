// SPDX-License-Identifier: MIT
#include "common/files/descriptor_message.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace qemunit {
namespace {

struct SocketPair {
    SocketPair() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        one.reset(ends[0]);
        other.reset(ends[1]);
    }
    UniqueFd one, other;
};

TEST(DescriptorMessage, TakesBytesAndDescriptorsAlong) {
    const SocketPair sockets;
    SocketPair sent;
    const std::array<int, 2> fds{sent.one.get(), sent.one.get()};
    ASSERT_EQ(send_with_descriptors(sockets.one.get(), "both", fds), 4);
    sent.one.reset();
    std::array<char, 8> buffer{};
    DescriptorMessage received = receive_with_descriptors(sockets.other.get(), buffer);
    EXPECT_EQ(received.size, 4);
    EXPECT_FALSE(received.is_cut);
    ASSERT_EQ(received.fds.size(), 2u);
    EXPECT_EQ(write(received.fds[1].get(), "x", 1), 1);
    EXPECT_EQ(read(sent.other.get(), buffer.data(), 1), 1);
    received.fds.clear();
    EXPECT_EQ(read(sent.other.get(), buffer.data(), 1), 0) << "nobody else holds it";
}

TEST(DescriptorMessage, TakesNoMoreThanItWasTold) {
    const SocketPair sockets;
    SocketPair sent;
    const std::array<int, 3> fds{sent.one.get(), sent.one.get(), sent.one.get()};
    ASSERT_EQ(send_with_descriptors(sockets.one.get(), "x", fds), 1);
    sent.one.reset();
    std::array<char, 8> buffer{};
    DescriptorMessage received = receive_with_descriptors(sockets.other.get(), buffer, 0, 1);
    EXPECT_TRUE(received.is_cut);
    EXPECT_EQ(received.fds.size(), 1u);
    received.fds.clear();
    EXPECT_EQ(read(sent.other.get(), buffer.data(), 1), 0);
}

TEST(DescriptorMessage, RefusesWhatTheKernelDoesNotTake) {
    const SocketPair sockets;
    const std::vector<int> fds(kMostDescriptors + 1, sockets.one.get());
    EXPECT_EQ(send_with_descriptors(sockets.one.get(), "x", fds), -1);
    EXPECT_EQ(errno, E2BIG);
}

TEST(DescriptorMessage, SaysThatThePeerHasGone) {
    SocketPair sockets;
    sockets.other.reset();
    EXPECT_EQ(send_with_descriptors(sockets.one.get(), "x", {}), -1);
    EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace qemunit
