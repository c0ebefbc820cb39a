// SPDX-License-Identifier: MIT
#include "bus/monitor/forward_request.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

TEST(ForwardRequestTest, IsARuleWithOrWithoutItsNetwork) {
    const auto plain = parse_forward_request("tcp::10022-:22", true);
    ASSERT_TRUE(plain) << plain.error();
    EXPECT_EQ(plain->network, "");
    EXPECT_EQ(plain->rule, "tcp::10022-:22");
    EXPECT_EQ(plain->host_side, "tcp::10022");
    const auto full = parse_forward_request("lan udp:127.0.0.1:53-10.0.2.15:5353", true);
    ASSERT_TRUE(full) << full.error();
    EXPECT_EQ(full->network, "lan");
    EXPECT_EQ(full->host_side, "udp:127.0.0.1:53");
}

TEST(ForwardRequestTest, OnlyRemovingCanDoWithoutTheGuest) {
    EXPECT_FALSE(parse_forward_request("tcp::10022", true));
    EXPECT_EQ(parse_forward_request("lan tcp::10022", false)->host_side, "tcp::10022");
    EXPECT_EQ(parse_forward_request("tcp::10022-:22", false)->host_side, "tcp::10022");
}

TEST(ForwardRequestTest, NothingElseReachesTheMonitor) {
    for (const char *bad : {"", " ", "lan", "lan ", " tcp::1-:2", "tcp::1-:2 ", "a b tcp::1-:2",
                            "lan  tcp::1-:2", "tcp::1-:2;quit", "tcp::1-:2\nquit", "l;n tcp::1-:2",
                            "tcp::1-:2,x", "tcp:\"x\":1-:2", "lan tcp::1-", "tcp::1-:2-:3"})
        for (bool needs_guest : {true, false})
            EXPECT_FALSE(parse_forward_request(bad, needs_guest)) << bad;
}

}  // namespace
}  // namespace qemunit::bus
