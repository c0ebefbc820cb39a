// SPDX-License-Identifier: MIT
//
// [Network …] -> -netdev and -device.
#include <gtest/gtest.h>

#include "generator/vm/defaults.h"
#include "tests/unit/generator/command_words.h"

namespace qemunit::generator {
namespace {

using testing::arguments;
using testing::devices;
using testing::options;
using testing::Texts;

TEST(NetworkArgumentsTest, Networks) {
    EXPECT_EQ(options(arguments("[Network lan]\nMAC=52:54:00:aa:bb:cc\nHostForward=tcp::10022-:22\n"
                                "HostForward=udp:127.0.0.1:5353-10.0.2.15:53\n"),
                      {"-netdev", "-device"}),
              (Texts{"-netdev stream,id=lan,server=off,addr.type=unix,"
                     "addr.path=/run/qemunit-usernet/vm1:lan/sock",
                     "-device virtio-net-pci,netdev=lan,id=lan,mac=52:54:00:aa:bb:cc"}));
    EXPECT_EQ(
        options(arguments("[Network a]\nType=none\nModel=e1000\nMAC=52:54:00:aa:bb:cc\n"
                          "[Network b]\nType=none\nMAC=52:54:00:aa:bb:cd\n"),
                {"-netdev", "-device"}),
        (Texts{"-netdev hubport,id=a,hubid=0", "-device e1000,netdev=a,id=a,mac=52:54:00:aa:bb:cc",
               "-netdev hubport,id=b,hubid=1",
               "-device virtio-net-pci,netdev=b,id=b,mac=52:54:00:aa:bb:cd"}));
    EXPECT_EQ(devices("[VM]\nMachine=microvm\n[Network a]\nMAC=52:54:00:aa:bb:cc\n"),
              Texts{"-device virtio-net-device,netdev=a,id=a,mac=52:54:00:aa:bb:cc"});
}

// Guests have leases and interface names by it: it must never change.
TEST(NetworkArgumentsTest, TheDefaultMacIsMadeFromTheNames) {
    const auto mac = [](const std::string &vm, const std::string &network) {
        const auto made = testing::from_files({{"a.ini", "[Network " + network + "]\n"}},
                                              Architecture::x86_64, vm);
        const std::string device =
            options(qemu_arguments(made.vm, Architecture::x86_64), {"-device"}).front();
        return device.substr(device.find("mac=") + 4);
    };
    EXPECT_EQ(mac("vm1", "lan"), "52:54:00:6c:e5:a1");
    EXPECT_EQ(mac("vm1", "lan"), mac("vm1", "lan"));
    EXPECT_NE(mac("vm1", "lan"), mac("vm2", "lan"));
    EXPECT_NE(mac("vm1", "lan"), mac("vm1", "wan"));
    EXPECT_TRUE(mac("a", "b").starts_with("52:54:00:"));
}

// -netdev only, with addresses of no interest.
Texts back_ends(const std::string &ini) {
    return options(ini, {"-netdev"});
}

// What a user network is, it is beside QEMU.
TEST(NetworkArgumentsTest, AUserNetworkIsServedToQemu) {
    for (const char *keys : {"Restrict=yes\nHostForward=tcp::10022-:22\n", "HostLoopback=yes\n"})
        EXPECT_EQ(back_ends(std::string("[Network lan]\n") + keys),
                  Texts{"-netdev stream,id=lan,server=off,addr.type=unix,"
                        "addr.path=/run/qemunit-usernet/vm1:lan/sock"});
}

TEST(NetworkArgumentsTest, TapInterfaces) {
    EXPECT_EQ(back_ends("[Network lan]\nType=tap\n"),
              Texts{"-netdev tap,id=lan,ifname=vm1-lan,script=no,downscript=no"});
    EXPECT_EQ(back_ends("[Network lan]\nType=tap\nInterface=tap7\n"),
              Texts{"-netdev tap,id=lan,ifname=tap7,script=no,downscript=no"});
    EXPECT_EQ(back_ends("[Network lan]\nType=bridge\nBridge=br0\n"),
              Texts{"-netdev tap,id=lan,ifname=vm1-lan,script=no,downscript=no"});
}

// It is the name of a unit, too, and must stay the same over versions.
TEST(NetworkArgumentsTest, ALongNameOfATapInterfaceIsAHash) {
    const auto name = [](const std::string &vm, const std::string &network) {
        Vm made{.name = vm};
        return tap_name(made, {.name = network});
    };
    EXPECT_EQ(name("vm1", "lan"), "vm1-lan");
    EXPECT_EQ(name("vm-with-11c", "lan"), "vm-with-11c-lan");
    EXPECT_EQ(name("vm-with-012c", "lan"), "qemu-74a747");
    EXPECT_EQ(name("a.very.long.name.of.a.vm", "uplink"), "qemu-bcdf82");
    EXPECT_NE(name("vm-with-012c", "lan"), name("vm-with-012d", "lan"));
}

TEST(NetworkArgumentsTest, Passt) {
    EXPECT_EQ(back_ends("[Network lan]\nType=passt\nHostForward=tcp::10022-:22\n"),
              Texts{"-netdev stream,id=lan,server=off,addr.type=unix,"
                    "addr.path=/run/qemunit-passt/vm1:lan/sock"});
}

TEST(NetworkArgumentsTest, ThePlaceInTheOrderOfBooting) {
    EXPECT_EQ(devices("[Network lan]\nMAC=52:54:00:aa:bb:cc\nBootIndex=3\n"),
              Texts{"-device virtio-net-pci,netdev=lan,id=lan,mac=52:54:00:aa:bb:cc,bootindex=3"});
}

}  // namespace
}  // namespace qemunit::generator
