// SPDX-License-Identifier: MIT
#include "bus/hotplug/network_card.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit::bus {
namespace {

using nlohmann::json;

HotNetwork network(const std::string &mac = "52:54:00:12:34:56") {
    return {.name = "lan", .mac = mac, .end = NetworkEnd::tap};
}

TEST(NetworkCardTest, ADescriptorIsWhatTheKernelSays) {
    for (const auto &[type, end] :
         {std::pair(SOCK_STREAM, NetworkEnd::stream), std::pair(SOCK_DGRAM, NetworkEnd::datagram),
          std::pair(SOCK_SEQPACKET, NetworkEnd::none)}) {
        int fds[2];
        ASSERT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
        const UniqueFd one(fds[0]), other(fds[1]);
        EXPECT_EQ(network_end(one.get()), end) << type;
    }
    // One that listens, one that leads nowhere, and what no network is.
    const UniqueFd unconnected(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        null(open("/dev/null", O_RDWR | O_CLOEXEC)), file(open("/proc/self/exe", O_CLOEXEC));
    for (const UniqueFd *fd : {&unconnected, &null, &file})
        EXPECT_EQ(network_end(fd->get()), NetworkEnd::none);
    EXPECT_EQ(network_end(-1), NetworkEnd::none);
}

TEST(NetworkCardTest, FaultsAreNamed) {
    EXPECT_EQ(hot_network_fault(network()), "");
    for (const char *mac : {"", "52:54:00:12:34", "52:54:00:12:34:5g", "52-54-00-12-34-56",
                            "53:54:00:12:34:56", "00:00:00:00:00:00", "52:54:00:12:34:56 "})
        EXPECT_NE(hot_network_fault(network(mac)), "") << mac;
    HotNetwork other = network();
    other.model = "ne2k";
    EXPECT_EQ(hot_network_fault(other), "The model 'ne2k' is none of virtio, e1000e");
    other = network();
    other.end = NetworkEnd::none;
    EXPECT_EQ(hot_network_fault(other),
              "The file is neither a tap interface nor a connected socket of the type stream or "
              "datagram");
    for (const std::string &name : {std::string(), std::string("a/b"), std::string(32, 'x')}) {
        other = network();
        other.name = name;
        EXPECT_NE(hot_network_fault(other).find("The name of a network"), std::string::npos);
    }
}

TEST(NetworkCardTest, ARandomAddressIsOne) {
    EXPECT_EQ(hot_network_fault(network(random_mac())), "");
    EXPECT_NE(random_mac(), random_mac());
}

TEST(NetworkCardTest, HasAPlaceOrSaysWhatToDo) {
    EXPECT_EQ(network_bus({.type = "pc-i440fx-7.2-machine"}, {}, "vm"), "pci.0");
    EXPECT_EQ(network_bus({.type = "pc-q35-7.2-machine"}, {"port1"}, "vm"), "port1");
    EXPECT_EQ(network_bus({.type = "pc-q35-7.2-machine"}, {}, "vm").error(),
              "VM 'vm' has no place for another network: a card takes a PCIe root port, and it has "
              "none; add HotPlugPorts=1 to [VM] of its ini, and start it anew");
}

TEST(NetworkCardTest, QemuIsToldInItsWords) {
    HotNetwork card = network();
    EXPECT_EQ(netdev_arguments(card, "f"),
              (json{{"type", "tap"}, {"id", "qemunit-hotnet-lan"}, {"fd", "f"}}));
    for (const NetworkEnd end : {NetworkEnd::stream, NetworkEnd::datagram}) {
        card.end = end;
        EXPECT_EQ(netdev_arguments(card, "f"),
                  (json{{"type", "socket"}, {"id", "qemunit-hotnet-lan"}, {"fd", "f"}}));
    }
    EXPECT_EQ(card_arguments(card, "port1"), (json{{"driver", "virtio-net-pci"},
                                                   {"id", "qemunit-hotnet-lan"},
                                                   {"netdev", "qemunit-hotnet-lan"},
                                                   {"mac", "52:54:00:12:34:56"},
                                                   {"bus", "port1"}}));
}

}  // namespace
}  // namespace qemunit::bus
