// SPDX-License-Identifier: MIT
//
// Addresses of cards: on one host, on two, and without the machine's ID.
#include "generator/vm/mac_address.h"

#include <gtest/gtest.h>

#include <numeric>

#include "generator/vm/host_id.h"
#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

constexpr std::string_view kOneHost = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOtherHost = "0123456789abcdef0123456789abcdee";

std::string mac_of(const std::string &keys, std::string_view host_id,
                   const std::string &vm_name = "web") {
    Vm vm = testing::from_files({{"vm.ini", "[Network lan]\n" + keys + "\n"}}, Architecture::x86_64,
                                vm_name)
                .vm;
    vm.host_id = parse_host_id(host_id);
    return mac_address(vm, vm.networks.front());
}

// The test vectors of its authors.
TEST(MacAddressTest, TheKeyedHashIsSipHash) {
    HostId key;
    std::iota(key.bytes.begin(), key.bytes.end(), 0);
    std::string text;
    const uint64_t expected[] = {
        0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
        0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
        0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
        0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5};
    for (const uint64_t hash : expected) {
        EXPECT_EQ(keyed_hash(key, text), hash) << text.size();
        text += static_cast<char>(text.size());
    }
}

TEST(MacAddressTest, TwoBridgedHostsWithOneName) {
    for (const std::string type : {"Type=bridge\nBridge=br0", "Type=tap"}) {
        const std::string mac = mac_of(type, kOneHost);
        EXPECT_TRUE(mac.starts_with("52:54:00:")) << mac;
        EXPECT_EQ(mac.size(), 17u);
        EXPECT_EQ(mac, mac_of(type, kOneHost)) << "stays the same";
        EXPECT_NE(mac, mac_of(type, kOtherHost));
        EXPECT_NE(mac, mac_of(type, kOneHost, "web2"));
    }
    EXPECT_EQ(mac_of("Type=tap", kOneHost), "52:54:00:b2:83:39");
}

// Nobody but the VM's own network meets it, and guests know it since 0.1.
TEST(MacAddressTest, NetworksOfTheVmAlone) {
    for (const std::string type : {"Type=user", "Type=passt", "Type=none"})
        for (const std::string_view id : {kOneHost, kOtherHost, std::string_view()})
            EXPECT_EQ(mac_of(type, id), "52:54:00:2c:7a:07") << type;
}

TEST(MacAddressTest, WithoutAMachineIdTheNamesAreAll) {
    EXPECT_EQ(mac_of("Type=tap", ""), mac_of("Type=user", ""));
}

TEST(MacAddressTest, WhatTheIniSaysStays) {
    EXPECT_EQ(mac_of("Type=tap\nMAC=52:54:00:AA:bb:cc", kOneHost), "52:54:00:AA:bb:cc");
}

TEST(HostIdTest, WhatIsOne) {
    EXPECT_TRUE(parse_host_id(std::string(kOneHost) + "\n"));
    EXPECT_EQ(parse_host_id(kOneHost)->bytes[1], 0x23);
    for (const std::string bad :
         {"", "\n", "uninitialized\n", "0123456789abcdef0123456789abcde",
          "00000000000000000000000000000000", "0123456789abcdef0123456789abcdeg",
          "0123456789abcdef0123456789abcdef0", "-123456789abcdef0123456789abcdef"})
        EXPECT_FALSE(parse_host_id(bad)) << bad;
}

TEST(HostIdTest, OfTheSystemThatIsLookedAt) {
    const testing::TemporaryFolder folder;
    EXPECT_FALSE(read_host_id(folder.path()));
    folder.write("etc/machine-id", std::string(kOneHost) + "\n");
    EXPECT_EQ(read_host_id(folder.path())->bytes, parse_host_id(kOneHost)->bytes);
}

}  // namespace
}  // namespace qemunit::generator
