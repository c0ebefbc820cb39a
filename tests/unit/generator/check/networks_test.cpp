// SPDX-License-Identifier: MIT
//
// Network cards whose keys do not go together, in the exact words of each message.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

TEST(NetworkContradictionsTest, ForwardsNeedANetwork) {
    EXPECT_EQ(said("[Network lan]\nType=none\nHostForward=tcp::10022-:22\n"),
              error(3, "HostForward= needs Type=user or Type=passt."));
    for (const char *type : {"user", "passt"})
        EXPECT_EQ(
            said("[Network lan]\nType=" + std::string(type) + "\nHostForward=tcp::10022-:22\n"),
            Texts{});
}

TEST(NetworkContradictionsTest, APrivilegedPortIsAWarning) {
    EXPECT_EQ(said("[Network lan]\nHostForward=tcp::1024-:22\nHostForward=tcp::80-:80\n"),
              Texts{"warning: vm1.ini:3: HostForward=tcp::80-:80: the user network runs "
                    "unprivileged and may not "
                    "open port 80 of the host, unless net.ipv4.ip_unprivileged_port_start allows "
                    "it."});
}

TEST(NetworkContradictionsTest, KeysOfANetworkGoWithItsType) {
    const auto network = [](const std::string &type, const std::string &key) {
        return said("[Network n]\nType=" + type + "\n" + key + "\n");
    };
    for (const char *type : {"tap", "passt", "none"})
        EXPECT_EQ(network(type, "Restrict=yes"), error(3, "Restrict= needs Type=user."));
    EXPECT_EQ(network("tap", "HostForward=tcp::10022-:22"),
              error(3, "HostForward= needs Type=user or Type=passt."));
    for (const char *type : {"user", "passt", "none"}) {
        EXPECT_EQ(network(type, "Interface=tap0"),
                  error(3, "Interface= needs Type=tap or Type=bridge."));
        EXPECT_EQ(network(type, "Bridge=br0"), error(3, "Bridge= needs Type=bridge."));
    }
    EXPECT_EQ(network("tap", "Bridge=br0"), error(3, "Bridge= needs Type=bridge."));
    EXPECT_EQ(network("bridge", ""),
              error(2, "Type=bridge needs Bridge=: which bridge of the host is it?"));
    EXPECT_EQ(network("bridge", "Bridge=br0\nInterface=tap0"), Texts{});
    EXPECT_EQ(network("passt", "HostForward=tcp::10022-10.0.2.15:22"),
              error(3,
                    "HostForward=tcp::10022-10.0.2.15:22: with Type=passt, a forward has no "
                    "guest address."));
}

TEST(NetworkContradictionsTest, AForwardOfAllAddressesLeavesNoneForAnother) {
    const auto both = [](const std::string &one, const std::string &other) {
        return said("[Network a]\nHostForward=" + one + "\nHostForward=" + other + "\n").size();
    };
    EXPECT_EQ(both("tcp::2022-:22", "tcp:127.0.0.1:2022-:22"), 1u);
    EXPECT_EQ(both("tcp:127.0.0.1:2022-:22", "tcp:0.0.0.0:2022-:22"), 1u);
    EXPECT_EQ(both("tcp:127.0.0.1:2022-:22", "tcp:127.0.0.2:2022-:22"), 0u);
    EXPECT_EQ(both("tcp::2022-:22", "udp::2022-:22"), 0u);
}

TEST(NetworkContradictionsTest, WhatOneCardHasNoOtherHas) {
    EXPECT_EQ(said("[Network a]\nMAC=52:54:00:12:34:56\n[Network b]\nMAC=52:54:00:12:34:56\n"),
              error(4, "The address 52:54:00:12:34:56 is taken by section [Network a]."));
    EXPECT_EQ(said("[Network a]\nType=tap\nInterface=tap0\n[Network b]\nType=bridge\nBridge=br0\n"
                   "Interface=tap0\n"),
              error(7, "The interface tap0 is taken by section [Network a]."));
    EXPECT_EQ(said("[Network a]\nHostForward=tcp::2022-:22\n[Network b]\n"
                   "HostForward=tcp::2022-:23\n"),
              error(4,
                    "HostForward=tcp::2022-:23: HostForward=tcp::2022-:22 has that port of the "
                    "host already."));
    EXPECT_EQ(said("[Network a]\nHostForward=tcp::2022-:22\nHostForward=udp::2022-:22\n"
                   "HostForward=tcp::2023-:22\n"),
              Texts{});
}

}  // namespace
}  // namespace qemunit::generator
