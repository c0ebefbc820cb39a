// SPDX-License-Identifier: MIT
//
// The words of ssh, and what units say about the way to a guest.
#include "ctl/ssh/ssh.h"

#include <gtest/gtest.h>

#include "ctl/ssh/guest_addresses.h"
#include "ctl/ssh/guest_connection.h"
#include "ctl/ssh/known_hosts.h"
#include "ctl/ssh/ssh_facts.h"
#include "ctl/ssh/ssh_proxy.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

using Words = std::vector<std::string>;

TEST(SshWordsTest, TheUsersOptionsComeFirst) {
    const Words words = ssh_words({.target = "qemu/vm1",
                                   .user = "joe",
                                   .known_hosts = "/home/a b/known_hosts/x",
                                   .proxy = {"/opt/100%/qemunitctl", "proxy", "a b"},
                                   .options = {"-o", "User=eve", "-A"},
                                   .command = {"ls", "-l"}});
    EXPECT_EQ(Words(words.begin(), words.begin() + 6),
              (Words{"ssh", "-o", "User=eve", "-A", "-o",
                     "ProxyCommand=/opt/100%%/qemunitctl proxy 'a b'"}));
    EXPECT_NE(std::ranges::find(words, "UserKnownHostsFile=\"/home/a b/known_hosts/x\""),
              words.end());
    EXPECT_EQ(Words(words.end() - 6, words.end()),
              (Words{"-o", "User=joe", "qemu/vm1", "--", "ls", "-l"}));
}

TEST(SshTargetTest, FormsOfAName) {
    const auto text = [](std::string_view target) {
        const auto parsed = parse_ssh_target(target);
        if (!parsed)
            return std::string("none");
        return parsed->vm + (!parsed->bus                              ? ""
                             : *parsed->bus == Invocation::Bus::system ? " of the system"
                                                                       : " of a user");
    };
    EXPECT_EQ(text("vm1"), "vm1");
    EXPECT_EQ(text("qemu/vm1"), "vm1 of the system");
    EXPECT_EQ(text("vm.1.qemu"), "vm.1 of the system");
    EXPECT_EQ(text("qemu-user/vm1"), "vm1 of a user");
    EXPECT_EQ(text("vm1.qemu-user"), "vm1 of a user");
    EXPECT_EQ(text("qemu/../etc"), "none");
    EXPECT_EQ(text("qemu/"), "none");
    EXPECT_EQ(text(".qemu"), "none");
    EXPECT_EQ(text("-oProxyCommand=x"), "none");
}

TEST(SshFactsTest, OfCommandLines) {
    const SshFacts facts = facts_of_words(
        {"/usr/lib/qemunit/qemunit-helper", "--vm=vm1", "--agent", "/usr/bin/qemu-system-x86_64",
         "-uuid", "6BA7B810-9dad-11d1-80b4-00c04fd430c8", "-netdev",
         "stream,id=lan,server=off,addr.type=unix,addr.path=/run/qemunit-usernet/vm1:lan/sock",
         "-device", "virtio-net-pci,netdev=lan,id=lan,mac=52:54:00:12:34:56", "-netdev",
         "tap,id=dmz,ifname=tap0,script=no,downscript=no", "-device",
         "e1000,netdev=dmz,id=dmz,mac=52:54:00:AB:34:57", "-device",
         "vhost-vsock-pci,guest-cid=77"});
    EXPECT_EQ(facts.uuid, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(facts.cid, 77u);
    EXPECT_TRUE(facts.has_agent);
    ASSERT_EQ(facts.cards.size(), 2u);
    EXPECT_TRUE(facts.cards[0].is_of_user);
    EXPECT_EQ(facts.cards[0].interface, "");
    EXPECT_EQ(facts.cards[1].interface, "tap0");
    EXPECT_EQ(facts.cards[1].mac, "52:54:00:ab:34:57");
    EXPECT_EQ(link_local_address(facts.cards[1]), "fe80::5054:00ff:feab:3457%tap0");
    EXPECT_EQ(link_local_address(facts.cards[0]), "");

    const auto user = usernet_forwards({"x", "--forward=tcp:127.0.0.1:10022-:22", "--restrict"});
    ASSERT_EQ(user.size(), 1u);
    EXPECT_EQ(user[0].host_port, 10022u);
    const auto passt = passt_forwards({"passt", "--tcp-ports", "127.0.0.1/10022:22", "--udp-ports",
                                       "1:2", "--tcp-ports", "80:81"});
    ASSERT_EQ(passt.size(), 2u);
    EXPECT_EQ(passt[0].host_address, "127.0.0.1");
    EXPECT_EQ(passt[1].guest_port, 81u);
    EXPECT_EQ(cloud_init_user({"qemunit-seed", "--user=joe", "--ssh-key=x"}), "joe");
}

using Addresses = std::vector<CardAddress>;

TEST(GuestAddressesTest, OfTheCardsOnThisMachine) {
    const std::vector<NetworkCard> cards = {
        {.name = "a", .mac = "52:54:00:00:00:01", .interface = "tap0"},
        {.name = "b", .mac = "52:54:00:00:00:02", .interface = ""}};
    EXPECT_EQ(
        addresses_by_agent(
            R"([{"name":"lo","ip-addresses":[{"ip-address":"127.0.0.1"}]},
{"name":"eth0","hardware-address":"52:54:00:00:00:01","ip-addresses":[
{"ip-address":"192.0.2.7","ip-address-type":"ipv4","prefix":24},{"ip-address":"FE80::1"},{"ip-address":"2001:db8::7"},
{"ip-address":"fe80::1%eth0"},{"ip-address":"localhost"},{"ip-address":""}]},
{"name":"eth1","hardware-address":"52:54:00:00:00:02","ip-addresses":[{"ip-address":"10.0.2.15"}]},
{"hardware-address":7},7])",
            cards),
        (Addresses{{"tap0", "192.0.2.7"}, {"tap0", "fe80::1%tap0"}, {"tap0", "2001:db8::7"}}));
    for (const char *text : {"", "{", "{}", "7", R"([{"hardware-address":"52:54:00:00:00:01"}])"})
        EXPECT_EQ(addresses_by_agent(text, cards), Addresses{}) << text;
    EXPECT_EQ(
        addresses_by_arp("IP address       HW type     Flags       HW address            Mask "
                         "    Device\n192.0.2.8        0x1         0x2         "
                         "52:54:00:00:00:01     *        tap0\n192.0.2.9 0x1 0x2 "
                         "52:54:00:00:00:01 * eth0\n10.0.2.15 0x1 0x2 "
                         "52:54:00:00:00:02 * eth0\n",
                         cards),
        (Addresses{{"tap0", "192.0.2.8"}}));
    EXPECT_EQ(
        addresses_by_leases("1700000000 52:54:00:00:00:01 192.0.2.9 guest *\nbroken\n", cards),
        (Addresses{{"tap0", "192.0.2.9"}}));
}

TEST(WaysTest, Addresses) {
    EXPECT_EQ(vsock_way(3, 22).text, "vsock:3:22");
    EXPECT_EQ(tcp_way("127.0.0.1", 10022)->text, "127.0.0.1:10022");
    EXPECT_EQ(tcp_way("fe80::1%lo", 22)->text, "[fe80::1%lo]:22");
    EXPECT_FALSE(tcp_way("localhost", 22));
}

TEST(KnownHostsTest, AFileForEachVm) {
    const testing::TemporaryFolder home;
    const std::string folder = home / "state/known_hosts";
    const auto file = known_hosts_file(folder, "6ba7", "system", "vm1");
    ASSERT_TRUE(file);
    EXPECT_EQ(*file, folder + "/6ba7");
    EXPECT_EQ(known_hosts_file(folder, "", "user", "vm1").value_or(""), folder + "/user:vm1");
    for (const std::string &name : {*file, folder + "/other"}) {  // made anew under the same name
        ASSERT_TRUE(link_known_hosts(folder, "qemu/vm1", name));
        EXPECT_EQ(std::filesystem::read_symlink(folder + "/qemu/vm1"), name);
    }
    home.write("state/known_hosts/vm2.qemu", "somebody's");
    EXPECT_FALSE(link_known_hosts(folder, "vm2.qemu", *file));
    EXPECT_EQ(home.read("state/known_hosts/vm2.qemu"), "somebody's");
}

}  // namespace
}  // namespace qemunit::ctl
