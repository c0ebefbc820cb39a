// SPDX-License-Identifier: MIT
#include "generator/check/port_holder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit::generator {
namespace {

HostForward forward(const std::string &text) {
    return parse_host_forward(text).value();
}

// As proc(5) has it, cut at the right.
constexpr std::string_view kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:2726 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 "
    "1 0000000000000000 100 0 0 10 0\n"
    "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "12\n"
    "   2: 0100007F:2727 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 "
    "13\n";
constexpr std::string_view kTcp6 =
    "  sl  local_address\n"
    "   0: 00000000000000000000000000000000:2726 00000000000000000000000000000000:0000 0A 0:0 0:0 "
    "0 "
    "0 0 21\n"
    "   1: 00000000000000000000000001000000:2726 00000000000000000000000000000000:0000 0A 0:0 0:0 "
    "0 "
    "0 0 22\n"
    "   2: 0000000000000000FFFF00000100007F:2727 00000000000000000000000000000000:0000 0A 0:0 0:0 "
    "0 "
    "0 0 23\n";
using Inodes = std::set<uint64_t>;

TEST(PortHolderTest, OnlyWhatListensThereIsInTheWay) {
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp::10022-:22")), Inodes{11});
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp:127.0.0.1:10022-:22")), Inodes{11});
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp:127.0.0.2:10022-:22")), Inodes{});
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp:127.0.0.2:80-:22")), Inodes{12});
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp::10023-:22")), Inodes{});
    EXPECT_EQ(sockets_in_the_way(kTcp, forward("tcp::10021-:22")), Inodes{});
    EXPECT_EQ(sockets_in_the_way("", forward("tcp::80-:22")), Inodes{});
    EXPECT_EQ(sockets_in_the_way("x\nnonsense\n", forward("tcp::80-:22")), Inodes{});
}

TEST(PortHolderTest, AllAddressesOfIPv6AreThoseOfIPv4Too) {
    EXPECT_EQ(sockets_in_the_way(kTcp6, forward("tcp:127.0.0.1:10022-:22")), Inodes{21});
    EXPECT_EQ(sockets_in_the_way(kTcp6, forward("tcp:127.0.0.1:10023-:22")), Inodes{23});
    EXPECT_EQ(sockets_in_the_way(kTcp6, forward("tcp:127.0.0.2:10023-:22")), Inodes{});
}

TEST(PortHolderTest, ThisProcess) {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    ASSERT_EQ(bind(listener.get(), generic, size), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    ASSERT_EQ(getsockname(listener.get(), generic, &size), 0);
    const auto rule = forward(
        fmt::format("tcp:127.0.0.1:{}-:22", static_cast<unsigned>(ntohs(address.sin_port))));
    const auto holder = holder_of(rule);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->vm, "");
    EXPECT_EQ(holder->process, fmt::format("qemunit-unit-te (PID {})", getpid()));
}

}  // namespace
}  // namespace qemunit::generator
