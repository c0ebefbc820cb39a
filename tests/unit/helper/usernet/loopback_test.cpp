// SPDX-License-Identifier: MIT
#include "helper/usernet/loopback.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace qemunit::helper {
namespace {

bool is_kept_away(const std::string &destination) {
    std::vector<uint8_t> frame(100, 0);
    const bool is_6 = destination.contains(':');
    frame[12] = is_6 ? 0x86 : 0x08;
    frame[13] = is_6 ? 0xdd : 0x00;
    EXPECT_EQ(inet_pton(is_6 ? AF_INET6 : AF_INET, destination.c_str(),
                        frame.data() + 14 + (is_6 ? 24 : 16)),
              1);
    return is_for_loopback(frame);
}

TEST(LoopbackTest, AddressesThatTheHostTakesForItsOwn) {
    for (const char *address : {"127.0.0.1", "127.0.0.53", "127.255.255.255", "0.0.0.0", "0.1.2.3",
                                "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"})
        EXPECT_TRUE(is_kept_away(address)) << address;
}

TEST(LoopbackTest, OthersPass) {
    for (const char *address :
         {"10.0.2.2", "10.0.2.3", "255.255.255.255", "192.168.1.1", "8.8.8.8", "128.0.0.1",
          "fec0::2", "fe80::1", "ff02::1", "2001:db8::1", "64:ff9b::127.0.0.1"})
        EXPECT_FALSE(is_kept_away(address)) << address;
}

TEST(LoopbackTest, FramesThatAreNone) {
    const std::vector<uint8_t> zeros(100, 0);
    EXPECT_FALSE(is_for_loopback(zeros));
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<uint8_t> frame(size, 0);
        if (size > 13)
            frame[12] = 0x08;
        is_for_loopback(frame);  // reads nothing behind its end
    }
}

}  // namespace
}  // namespace qemunit::helper
