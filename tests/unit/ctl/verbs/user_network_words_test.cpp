// SPDX-License-Identifier: MIT
#include "ctl/verbs/user_network_words.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Words = std::vector<std::string>;

TEST(UserNetworkWordsTest, StandInQemusOptionAgain) {
    const Words qemu{
        "/usr/bin/qemu",
        "-netdev",
        "stream,id=lan,server=off,addr.type=unix,addr.path=/run/qemunit-usernet/vm1:lan/sock",
        "-netdev",
        "stream,id=fast,server=off,addr.type=unix,addr.path=/run/qemunit-passt/vm1:fast/sock",
        "-device",
        "virtio-net-pci,netdev=lan"};
    const auto command_of = [](const std::string &network) {
        EXPECT_EQ(network, "lan");
        return Words{"/usr/lib/qemunit/qemunit-usernet",
                     "--vm=vm1",
                     "--restrict",
                     "--forward=tcp::10022-:22",
                     "--forward=udp::53-:53",
                     "/run/qemunit-usernet/vm1:lan"};
    };
    Words wanted = qemu;
    wanted[2] = "user,id=lan,restrict=on,hostfwd=tcp::10022-:22,hostfwd=udp::53-:53";
    EXPECT_EQ(with_user_networks(qemu, command_of), wanted);
}

TEST(UserNetworkWordsTest, ANetworkThatHasEndedHasNoForwards) {
    const Words qemu{"/usr/bin/qemu", "-netdev",
                     "stream,id=lan,server=off,addr.type=unix,"
                     "addr.path=/run/user/1/qemunit-usernet/a:lan/sock"};
    EXPECT_EQ(with_user_networks(qemu, [](const std::string &) { return Words(); })[2],
              "user,id=lan");
}

}  // namespace
}  // namespace qemunit::ctl
