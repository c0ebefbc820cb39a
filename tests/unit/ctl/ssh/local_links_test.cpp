// SPDX-License-Identifier: MIT
//
// Routes as the kernel tells them, and what is asked.
#include "ctl/ssh/local_links.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <cstring>

namespace qemunit::ctl {
namespace {

template <typename T>
std::string bytes_of(const T &value) {
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

std::string attribute(unsigned short type, const std::string &value) {
    const rtattr head{static_cast<unsigned short>(RTA_LENGTH(value.size())), type};
    std::string bytes = bytes_of(head) + value;
    bytes.resize(RTA_ALIGN(bytes.size()));
    return bytes;
}

std::string answer(unsigned char route_type, const std::string &attributes,
                   unsigned short message = RTM_NEWROUTE) {
    rtmsg route{};
    route.rtm_type = route_type;
    nlmsghdr header{};
    header.nlmsg_len = static_cast<unsigned>(NLMSG_SPACE(sizeof route) + attributes.size());
    header.nlmsg_type = message;
    return bytes_of(header) + bytes_of(route) + attributes;
}

TEST(LocalLinksTest, OnlyAWayWithoutAGatewayIsDirect) {
    const std::string gateway = attribute(RTA_GATEWAY, "\x7f\1\1\1"),
                      by_seven = attribute(RTA_OIF, bytes_of(7u));
    EXPECT_EQ(direct_interface(answer(RTN_UNICAST, by_seven)), 7u);
    EXPECT_EQ(direct_interface(answer(RTN_UNICAST, attribute(RTA_DST, "abcdef") + by_seven)), 7u);
    for (const std::string &other :
         {answer(RTN_UNICAST, by_seven + gateway), answer(RTN_UNICAST, gateway + by_seven),
          answer(RTN_UNICAST, by_seven + attribute(RTA_VIA, "xx1234")), answer(RTN_UNICAST, ""),
          answer(RTN_LOCAL, by_seven), answer(RTN_BROADCAST, by_seven),
          answer(RTN_BLACKHOLE, by_seven), answer(RTN_UNICAST, by_seven, NLMSG_ERROR)})
        EXPECT_EQ(direct_interface(other), std::nullopt);
    const std::string whole = answer(RTN_UNICAST, by_seven);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(direct_interface(whole.substr(0, size)), std::nullopt) << size;
}

TEST(LocalLinksTest, AsksForAddressesInNumbers) {
    const std::string four = route_question("192.0.2.7");
    ASSERT_EQ(four.size(), 36u);
    EXPECT_EQ(four[16], AF_INET);
    EXPECT_EQ(four[17], 32);
    EXPECT_EQ(four.substr(28), attribute(RTA_DST, "\xc0" + std::string("\0\2\7", 3)));
    const std::string six = route_question("2001:db8::7");
    ASSERT_EQ(six.size(), 48u);
    EXPECT_EQ(six[16], AF_INET6);
    for (const char *none : {"", "localhost", "fe80::1", "fe80::1%lo", "::", "::ffff:127.0.0.1"})
        EXPECT_EQ(route_question(none), "") << none;
}

TEST(LocalLinksTest, OfThisMachine) {
    // Its own, and what there is no interface for.
    for (const char *address : {"127.0.0.1", "::1", "0.0.0.0", "fe80::1%eth9", "2001:db8::1%lo"})
        EXPECT_FALSE(is_on_link("lo", address)) << address;
    EXPECT_FALSE(is_on_link("no-such-tap", "192.0.2.1"));
    EXPECT_TRUE(is_on_link("lo", "fe80::1%lo"));
    EXPECT_EQ(addressed_interface(""), "");
    EXPECT_EQ(addressed_interface("lo"), "lo");
}

}  // namespace
}  // namespace qemunit::ctl
