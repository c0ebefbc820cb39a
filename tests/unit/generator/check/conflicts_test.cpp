// SPDX-License-Identifier: MIT
//
// Two VMs that want the same thing of the host.
#include "generator/check/conflicts.h"

#include <gtest/gtest.h>

#include "generator/vm/mac_address.h"
#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

// What is said about the VMs "a", "b", … with these texts.
Texts conflicts_said(const Texts &inis) {
    Conflicts conflicts;
    Diagnostics diagnostics;
    char name = 'a';
    for (const std::string &ini : inis) {
        const std::string vm(1, name++);
        const auto made = testing::from_files({{vm + ".ini", ini}}, Architecture::x86_64, vm);
        EXPECT_EQ(made.said, Texts{}) << ini;
        conflicts.add(made.vm, diagnostics);
    }
    return testing::texts(diagnostics);
}

std::string claimed_forward(const std::string &text) {
    return "[Network lan]\nHostForward=" + text + "\n";
}

TEST(ConflictsTest, TheSamePort) {
    EXPECT_EQ(
        conflicts_said({claimed_forward("tcp::10022-:22"), claimed_forward("tcp::10022-:80")}),
        Texts{"warning: b.ini:2: TCP port 10022 of the host is also that of VM 'a' "
              "(a.ini:2): only one of them can run at a time."});
    EXPECT_EQ(conflicts_said({claimed_forward("udp::1053-:53"), claimed_forward("udp::1053-:53")}),
              Texts{"warning: b.ini:2: UDP port 1053 of the host is also that of VM 'a' "
                    "(a.ini:2): only one of them can run at a time."});
    EXPECT_EQ(
        conflicts_said({claimed_forward("tcp::10022-:22"), claimed_forward("udp::10022-:22")}),
        Texts{});
    EXPECT_EQ(
        conflicts_said({claimed_forward("tcp::10022-:22"), claimed_forward("tcp::10023-:22")}),
        Texts{});
}

TEST(ConflictsTest, APortOfOverlappingAddresses) {
    for (const auto &[one, other] : {std::pair("", "127.0.0.1"), std::pair("127.0.0.1", ""),
                                     std::pair("127.0.0.1", "127.0.0.1"),
                                     std::pair("127.0.0.1", "0.0.0.0"), std::pair("0.0.0.0", "")})
        EXPECT_EQ(conflicts_said({claimed_forward("tcp:" + std::string(one) + ":10022-:22"),
                                  claimed_forward("tcp:" + std::string(other) + ":10022-:22")})
                      .size(),
                  1u)
            << one << " and " << other;
    EXPECT_EQ(conflicts_said({claimed_forward("tcp:127.0.0.1:10022-:22"),
                              claimed_forward("tcp:127.0.0.2:10022-:22")}),
              Texts{});
}

TEST(ConflictsTest, PasstForwardsToo) {
    EXPECT_EQ(conflicts_said({claimed_forward("tcp::10022-:22"),
                              "[Network lan]\nType=passt\n"
                              "HostForward=tcp::10022-:22\n"})
                  .size(),
              1u);
}

TEST(ConflictsTest, TheSameMac) {
    EXPECT_EQ(conflicts_said({"[Network lan]\nMAC=52:54:00:AB:CD:EF\n",
                              "[Network wan]\nMAC=52:54:00:ab:cd:ef\n"}),
              Texts{"warning: b.ini:2: The address 52:54:00:ab:cd:ef is also that of VM 'a' "
                    "(a.ini:2): only one of them can run at a time. Give one of them another with "
                    "MAC=."});
    EXPECT_EQ(conflicts_said({"[Network lan]\n", "[Network lan]\n"}), Texts{});
}

// What has no MAC= has an address all the same.
TEST(ConflictsTest, AMacThatIsNowhereInTheIni) {
    const std::string bridged = "[VM]\n[Network lan]\nType=bridge\nBridge=br0\n";
    for (const std::string &derived : {bridged, std::string("[VM]\n[Network lan]\n")}) {
        const Vm vm = testing::from_files({{"b.ini", derived}}, Architecture::x86_64, "b").vm;
        const std::string mac = mac_address(vm, vm.networks.front());
        EXPECT_EQ(conflicts_said({"[Network x]\nMAC=" + mac + "\n", derived}),
                  Texts{"warning: b.ini:2: The address " + mac +
                        " is also that of VM 'a' (a.ini:2): only one of them can run at a time. "
                        "Give one of them another with MAC=."});
    }
    EXPECT_EQ(conflicts_said({bridged, bridged}), Texts{});
}

// Two VMs whose names happen to give the same address.
TEST(ConflictsTest, TheSameMacMadeOfTwoNames) {
    std::map<std::string, std::string> seen;
    std::string one, other;
    for (int i = 0; other.empty(); ++i) {
        Vm vm;
        vm.name = "v" + std::to_string(i);
        const std::string mac = mac_address(vm, {.name = "lan", .type = NetworkType::bridge});
        if (const auto [at, is_new] = seen.try_emplace(mac, vm.name); !is_new)
            one = at->second, other = vm.name;
    }
    const auto warnings = [&](const std::string &ini) {
        Conflicts conflicts;
        Diagnostics diagnostics;
        for (const std::string &name : {one, other})
            conflicts.add(
                testing::from_files({{name + ".ini", ini}}, Architecture::x86_64, name).vm,
                diagnostics);
        return diagnostics.size();
    };
    EXPECT_EQ(warnings("[Network lan]\nType=bridge\nBridge=br0\n"), 1u) << one << ", " << other;
    EXPECT_EQ(warnings("[Network lan]\nType=tap\n"), 1u) << one << ", " << other;
    EXPECT_EQ(warnings("[Network lan]\nType=user\n"), 0u) << one << ", " << other;
}

TEST(ConflictsTest, TheSameCid) {
    EXPECT_EQ(conflicts_said({"[VM]\nVSockCID=42\n", "[VM]\nRNG=yes\nVSockCID=42\n"}),
              Texts{"warning: b.ini:3: The CID 42 is also that of VM 'a' (a.ini:2): only one of "
                    "them can run at a time."});
    EXPECT_EQ(conflicts_said({"[VM]\nVSockCID=42\n", "[VM]\nVSockCID=43\n"}), Texts{});
}

TEST(ConflictsTest, TheSameInterface) {
    const std::string tap = "[Network lan]\nType=tap\nInterface=tap0\n";
    const std::string bridge = "[Network lan]\nType=bridge\nBridge=br0\n";
    EXPECT_EQ(conflicts_said({tap, bridge + "Interface=tap0\n"}),
              Texts{"warning: b.ini:4: The interface 'tap0' is also that of VM 'a' (a.ini:3): "
                    "only one of them can run at a time."});
    EXPECT_EQ(conflicts_said({bridge, bridge}), Texts{});
}

TEST(ConflictsTest, AnInterfaceThatIsNowhereInTheIni) {
    EXPECT_EQ(conflicts_said({"[VM]\n[Network x]\nType=tap\nInterface=b-lan\n",
                              "[VM]\n[Network lan]\nType=tap\n"}),
              Texts{"warning: b.ini:2: The interface 'b-lan' is also that of VM 'a' (a.ini:4): "
                    "only one of them can run at a time."});
}

TEST(ConflictsTest, EachLaterVmIsToldOnce) {
    const std::string ini = claimed_forward("tcp::10022-:22");
    EXPECT_EQ(conflicts_said({ini, ini, ini}),
              (Texts{"warning: b.ini:2: TCP port 10022 of the host is also that of VM 'a' "
                     "(a.ini:2): only one of them can run at a time.",
                     "warning: c.ini:2: TCP port 10022 of the host is also that of VM 'a' "
                     "(a.ini:2): only one of them can run at a time."}));
}

}  // namespace
}  // namespace qemunit::generator
