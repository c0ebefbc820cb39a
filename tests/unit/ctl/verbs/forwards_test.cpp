// SPDX-License-Identifier: MIT
#include "ctl/verbs/forwards.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
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

TEST(ForwardsTest, TheMonitorsTableAsRules) {
    const auto forwards = parse_forwards(kUsernet);
    ASSERT_EQ(forwards.size(), 3u);
    EXPECT_EQ(forwards[0].network, "lan");
    EXPECT_EQ(forwards[0].rule, "tcp:127.0.0.1:10022-10.0.2.15:22");
    EXPECT_EQ(forwards[1].rule, "udp::10053-10.0.2.20:53");
    EXPECT_EQ(forwards[2].network, "dmz");
    EXPECT_EQ(forwards[2].rule, "tcp::80-10.0.3.15:8080");
}

TEST(ForwardsTest, NoNetworkNoRules) {
    EXPECT_TRUE(parse_forwards("").empty());
    EXPECT_TRUE(parse_forwards("TCP[HOST_FORWARD] 1").empty());
}

}  // namespace
}  // namespace qemunit::ctl
