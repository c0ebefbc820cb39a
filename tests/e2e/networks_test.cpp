// SPDX-License-Identifier: MIT
//
// How a guest reaches the host, and the host the guest, over each kind of network.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/uplink.h"

namespace qemunit::e2e {
namespace {

bool interface_exists(const std::string &name) {
    return std::filesystem::exists("/sys/class/net/" + name);
}

// What is said to `port` of this machine; the guest answers with one line.
std::string ask(int port) {
    return run({"socat", "-t", "60", "-", "TCP:127.0.0.1:" + std::to_string(port)}, "").output;
}

// The guest serves one connection on port 80.
void serve(GuestShell &guest) {
    guest.run("echo hello from the guest >/tmp/hello; nc -l -p 80 </tmp/hello >/dev/null &");
    guest.run("until netstat -ltn | grep -q ':80 '; do :; done");
}

void set_up_card(GuestShell &guest, const std::string &address) {
    guest.run("modprobe -a virtio_pci virtio_net");
    guest.run("ifconfig eth0 " + address + " up");
}

TEST(Networks, AForwardOfTheUserNetworkReachesTheGuest) {
    VmUnderTest vm("netuser", silent_linux_ini() +
                                  "[Network lan]\nHostForward=tcp:127.0.0.1:10080-:80\n"
                                  "Restrict=yes\nModel=virtio-net-pci\nMAC=52:54:00:aa:bb:01\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    set_up_card(guest, "10.0.2.15");
    EXPECT_EQ(guest.run("cat /sys/class/net/eth0/address"), "52:54:00:aa:bb:01\n");
    serve(guest);
    EXPECT_EQ(ask(10080), "hello from the guest\n");
    // The gateway itself answers all the same; nothing behind it does.
    EXPECT_NE(unit_property("qemu-usernet@netuser:lan.service", "ExecStart").find(" --restrict "),
              std::string::npos);
}

TEST(Networks, AForwardComesAndGoesWhileTheVmRuns) {
    VmUnderTest vm("netadd", silent_linux_ini() + "[Network lan]\n[Network dmz]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto add = [&](const char *forward) {
        return call_vm(vm.name(), "AddHostForward", forward);
    };
    const auto remove = [&](const char *forward) {
        return call_vm(vm.name(), "RemoveHostForward", forward);
    };
    GuestShell guest(vm);
    set_up_card(guest, "10.0.2.15");
    serve(guest);
    EXPECT_EQ(add("lan tcp:127.0.0.1:10090-:80").error, "");
    EXPECT_EQ(ask(10090), "hello from the guest\n");

    const BusReply taken = add("dmz tcp:127.0.0.1:10090-:80");
    EXPECT_EQ(taken.error, "org.qemunit1.Error.Monitor") << taken;
    EXPECT_NE(taken.message.find("Could not set up host forwarding rule"), std::string::npos)
        << taken;
    const BusReply which = add("tcp::10091-:80");
    EXPECT_EQ(which.error, "org.qemunit1.Error.InvalidArgument");
    EXPECT_NE(which.message.find("several user networks: lan, dmz"), std::string::npos) << which;
    for (const char *bad : {"", "lan", "tcp::1", "lan tcp::1-:2 x", "lan tcp::1-:2;quit",
                            "lan tcp::1-:2\nquit", "x;y tcp::1-:2", "nowhere tcp::1-:2"})
        EXPECT_EQ(add(bad).error, "org.qemunit1.Error.InvalidArgument") << bad;

    EXPECT_EQ(remove("lan tcp:127.0.0.1:10090-:80").error, "");
    const BusReply gone = remove("lan tcp:127.0.0.1:10090");
    EXPECT_EQ(gone.error, "org.qemunit1.Error.Monitor") << gone;
    EXPECT_NE(gone.message.find("not found"), std::string::npos) << gone;
}

TEST(Networks, AForwardNeedsAUserNetwork) {
    VmUnderTest vm("netless", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply reply = call_vm(vm.name(), "AddHostForward", "tcp::10022-:22");
    EXPECT_NE(reply.message.find("has no user network"), std::string::npos) << reply;
}

TEST(Networks, ATapThatNobodyMadeIsMadeAndRemoved) {
    VmUnderTest vm("nettap", silent_linux_ini() + "[Network lan]\nType=tap\nInterface=vmtap0\n");
    ASSERT_FALSE(interface_exists("vmtap0"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(interface_exists("vmtap0"));
    ASSERT_TRUE(run_words("ip address add 10.99.0.1/24 dev vmtap0").ok());
    GuestShell guest(vm);
    set_up_card(guest, "10.99.0.2");
    EXPECT_NE(guest.run("ping -c 1 -W 30 10.99.0.1").find("1 packets received"), std::string::npos);
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tap@vmtap0.service", "inactive"));
    EXPECT_FALSE(interface_exists("vmtap0"));
}

// As anybody gets them.
Finished statistics_of(const std::string &vm) {
    return run_words(
        "setpriv --reuid=nobody --regid=nogroup --clear-groups busctl call org.qemunit1 "
        "/org/qemunit1/vm/" +
        vm + " org.qemunit1.VM GetStatistics");
}

// 0 if it is not there.
uint64_t counter_in(const std::string &statistics, const std::string &counter) {
    const std::string key = "\"" + counter + "\" ";
    const auto at = statistics.find(key);
    return at == std::string::npos ? 0 : std::stoull(statistics.substr(at + key.size()));
}

TEST(Networks, WhatTheHostCountsAtATapIsInTheStatistics) {
    VmUnderTest vm("netcount", silent_linux_ini() +
                                   "[Network lan]\nType=tap\nInterface=vmtap1\n"
                                   "[Network other]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(run_words("ip address add 10.97.0.1/24 dev vmtap1").ok());
    Terminal sink({"socat", "-u", "TCP-LISTEN:9099,bind=10.97.0.1", "OPEN:/dev/null"});
    GuestShell guest(vm);
    set_up_card(guest, "10.97.0.2");
    guest.run("until dd if=/dev/zero bs=1k count=500 | nc 10.97.0.1 9099; do :; done");
    EXPECT_EQ(sink.wait(), 0) << sink.rest();
    const Finished known = statistics_of("netcount");
    EXPECT_TRUE(known.says("\"Networks\" a{sa{st}} 1 \"lan\" 8 ")) << known;
    // What the guest has sent, and what came back.
    const uint64_t sent = counter_in(known.output, "tx_bytes");
    const uint64_t received = counter_in(known.output, "rx_bytes");
    EXPECT_GT(sent, 512'000u) << known;
    EXPECT_GT(received, 0u) << known;
    EXPECT_LT(received, 256'000u) << known;
    EXPECT_GT(counter_in(known.output, "tx_packets"), 0u) << known;
    EXPECT_GE(std::stoull(read_file("/sys/class/net/vmtap1/statistics/rx_bytes")), sent);
}

TEST(Networks, ATapOfSomebodyElseStays) {
    ASSERT_TRUE(run_words("ip tuntap add dev mytap0 mode tap user qemunit").ok());
    {
        VmUnderTest vm("netmine",
                       boot_sector_ini() + "[Network lan]\nType=tap\nInterface=mytap0\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_EQ(unit_property("qemu-tap@mytap0.service", "ActiveState"), "inactive");
    }
    EXPECT_TRUE(interface_exists("mytap0"));
    EXPECT_TRUE(run_words("ip link delete dev mytap0").ok());
}

TEST(Networks, TwoGuestsTalkOverABridgeThatGoesWithTheLast) {
    const std::string ini = silent_linux_ini() + "[Network lan]\nType=bridge\nBridge=vmbr0\n";
    VmUnderTest one("br1", ini), two("br2", ini);
    ASSERT_TRUE(one.start().ok()) << one.status();
    ASSERT_TRUE(two.start().ok()) << two.status();
    EXPECT_TRUE(interface_exists("br1-lan"));
    GuestShell first(one), second(two);
    set_up_card(first, "10.98.0.1");
    set_up_card(second, "10.98.0.2");
    EXPECT_NE(second.run("ping -c 1 -W 30 10.98.0.1").find("1 packets received"),
              std::string::npos);
    const Finished known = statistics_of("br2");
    EXPECT_GT(counter_in(known.output, "rx_packets"), 0u) << known;
    EXPECT_GT(counter_in(known.output, "tx_packets"), 0u) << known;
    ASSERT_TRUE(one.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tap@br1-lan.service", "inactive"));
    EXPECT_TRUE(interface_exists("vmbr0"));
    ASSERT_TRUE(two.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-bridge@vmbr0.service", "inactive"));
    EXPECT_FALSE(interface_exists("vmbr0"));
}

TEST(Networks, PasstServesAQemuWithoutANetwork) {
    Uplink uplink;
    VmUnderTest vm("netpasst", silent_linux_ini() +
                                   "[Network lan]\nType=passt\n"
                                   "HostForward=tcp:127.0.0.1:10081-:80\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string passt = "qemu-passt@netpasst:lan.service";
    EXPECT_EQ(unit_property(passt, "ActiveState"), "active");
    EXPECT_EQ(unit_property(vm.unit(), "PrivateNetwork"), "yes");
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net");
    guest.run("ifconfig eth0 up; udhcpc -i eth0 -n -q -s /bin/true");
    set_up_card(guest, "192.0.2.1");
    guest.run("route add default gw 192.0.2.254");
    serve(guest);
    EXPECT_EQ(ask(10081), "hello from the guest\n");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state(passt, "inactive"));
}

}  // namespace
}  // namespace qemunit::e2e
