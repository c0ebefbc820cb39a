// SPDX-License-Identifier: MIT
#include "helper/usernet/loopback.h"

#include <net/ethernet.h>

#include <algorithm>

namespace qemunit::helper {

namespace {

constexpr std::size_t kTypeAt = 12, kPacketAt = 14;
constexpr std::size_t kDestinationOfIPv4 = 16, kIPv4Size = 4;
constexpr std::size_t kDestinationOfIPv6 = 24, kIPv6Size = 16;

// "::a.b.c.d" and "::ffff:a.b.c.d".
bool has_ipv4_inside(Frame address) {
    const auto is = [](uint8_t value) {
        return [value](uint8_t byte) {
            return byte == value;
        };
    };
    const Frame mark = address.subspan(10, 2);
    return std::ranges::all_of(address.first(10), is(0)) &&
           (std::ranges::all_of(mark, is(0)) || std::ranges::all_of(mark, is(0xff)));
}

}  // namespace

bool is_for_loopback(Frame frame) {
    if (frame.size() < kPacketAt)
        return false;
    const int type = frame[kTypeAt] << 8 | frame[kTypeAt + 1];
    const Frame packet = frame.subspan(kPacketAt);
    if (type == ETHERTYPE_IP && packet.size() >= kDestinationOfIPv4 + kIPv4Size) {
        const uint8_t net = packet[kDestinationOfIPv4];
        return net == 127 || net == 0;
    }
    if (type == ETHERTYPE_IPV6 && packet.size() >= kDestinationOfIPv6 + kIPv6Size)
        return has_ipv4_inside(packet.subspan(kDestinationOfIPv6, kIPv6Size));
    return false;
}

}  // namespace qemunit::helper
