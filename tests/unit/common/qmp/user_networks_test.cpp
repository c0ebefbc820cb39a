// SPDX-License-Identifier: MIT
#include "common/qmp/user_networks.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

// From QEMU 7.2.22, with a connection of the guest's that is none of these.
constexpr char kUsernet[] =
    "Hub -1 (lan):\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n"
    "  TCP[HOST_FORWARD]   8       127.0.0.1 10022       10.0.2.15    22     0     0\n"
    "  UDP[HOST_FORWARD]   3               * 10053       10.0.2.20    53     0     0\n"
    "  TCP[ESTABLISHED]   12       10.0.2.15 41000       192.0.2.1   443     0     0\n"
    "Hub -1 (dmz):\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n"
    "  TCP[HOST_FORWARD]   9               *    80       10.0.3.15  8080     0     0\n";

std::vector<Forward> forwards_of_text(std::string_view info_usernet) {
    return forwards_of(parse_user_networks(info_usernet));
}

TEST(UserNetworksTest, TheMonitorsTableAsRules) {
    const auto forwards = forwards_of_text(kUsernet);
    ASSERT_EQ(forwards.size(), 3u);
    EXPECT_EQ(forwards[0].network, "lan");
    EXPECT_EQ(forwards[0].rule, "tcp:127.0.0.1:10022-10.0.2.15:22");
    EXPECT_EQ(forwards[1].rule, "udp::10053-10.0.2.20:53");
    EXPECT_EQ(forwards[2].network, "dmz");
    EXPECT_EQ(forwards[2].rule, "tcp::80-10.0.3.15:8080");
}

std::vector<std::string> names_in(std::string_view info_usernet) {
    std::vector<std::string> names;
    for (UserNetwork &network : parse_user_networks(info_usernet))
        names.push_back(std::move(network.name));
    return names;
}

TEST(UserNetworksTest, AreTheHeadsOfTheTables) {
    EXPECT_EQ(names_in("Hub -1 (lan):\r\n  Protocol[State]    FD  Source Address\r\n"
                       "  TCP[HOST_FORWARD]  12               * 10022\r\nHub 0 (dmz):\r\n"),
              (std::vector<std::string>{"lan", "dmz"}));
    EXPECT_TRUE(names_in("").empty());
    EXPECT_TRUE(names_in("\n\nHub\nHub -1 (\nHub -1 (a b):\n):\nHub ():").empty());
}

// A head of a form that we do not know must not hide a connection below it.
TEST(UserNetworksTest, AConnectionBelowNoHead) {
    const auto networks =
        parse_user_networks("what?\nTCP[ESTABLISHED] 1 2.2.2.2 3 4.4.4.4 5 0 0\n");
    ASSERT_EQ(networks.size(), 1u);
    EXPECT_EQ(networks[0].name, "");
    EXPECT_EQ(networks[0].connections.at(0).state, "ESTABLISHED");
}

TEST(UserNetworksTest, NoNetworkNoRules) {
    EXPECT_TRUE(forwards_of_text("").empty());
    EXPECT_TRUE(forwards_of_text("TCP[HOST_FORWARD] 1").empty());
}

}  // namespace
}  // namespace qemunit
