// SPDX-License-Identifier: MIT
//
// Serial ports, channels, and the sockets of theirs, in the exact words of each message.
#include <gtest/gtest.h>

#include "generator/check/checks.h"
#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

TEST(PortContradictionsTest, IsaPortsAreAsManyAsTheMachineHas) {
    EXPECT_EQ(
        said("[VM]\nArchitecture=aarch64\n[Serial debug]\nType=isa\n"),
        error(4, "Type=isa: the machine 'virt' has room for 1 such port; write Type=virtio."));
    EXPECT_EQ(said("[Serial a]\nType=isa\n[Serial b]\nType=isa\n[Serial c]\nType=isa\n"), Texts{});
    EXPECT_EQ(
        said("[Serial a]\nType=isa\n[Serial b]\nType=isa\n[Serial c]\nType=isa\n"
             "[Serial d]\nType=isa\n"),
        error(8, "Type=isa: the machine 'q35' has room for 4 such ports; write Type=virtio."));
    EXPECT_EQ(said("[VM]\nArchitecture=arm\n[Serial serial]\nType=virtio\n[Serial a]\nType=isa\n"),
              Texts{});
    EXPECT_EQ(said("[Serial a]\n[Serial b]\n[Serial c]\n[Serial d]\n[Serial e]\n"), Texts{});
}

TEST(PortContradictionsTest, SocketsOfQemuKeepTheirNames) {
    for (const char *name : {"monitor", "qmp", "control", "companion"})
        EXPECT_EQ(said("[VM]\n[Serial " + std::string(name) + "]\n"),
                  error(2, "A serial port must not be called '" + std::string(name) +
                               "': that socket is QEMU's."));
    for (const char *name : {"monitor", "qmp", "control", "companion"})
        EXPECT_EQ(said("[VM]\n[Channel " + std::string(name) + "]\n"),
                  error(2, "A channel must not be called '" + std::string(name) +
                               "': that socket is QEMU's."));
    EXPECT_EQ(said("[Drive monitor]\nFile=/a\n"), Texts{});
    EXPECT_EQ(said("[Share monitor]\nPath=/a\nType=virtiofs\n"), Texts{});
}

TEST(PortContradictionsTest, TheGuestAgentHasASocketOfItsOwn) {
    EXPECT_EQ(said("[VM]\nGuestAgent=yes\n[Channel agent]\n"),
              error(3, "A channel must not be called 'agent': that socket is the guest agent's."));
    EXPECT_EQ(said("[VM]\nGuestAgent=yes\n[Serial agent]\n"),
              error(3,
                    "A serial port must not be called 'agent': that socket is the guest "
                    "agent's."));
    EXPECT_EQ(said("[Channel agent]\n"), Texts{});
}

TEST(PortContradictionsTest, ASocketsPathHasAnEnd) {
    const std::string port(31, 'p');
    for (const auto &[name_length, fits] : {std::pair(57, true), std::pair(58, false)}) {
        Vm vm{.name = std::string(static_cast<std::size_t>(name_length), 'v')};
        vm.serials = {{.name = "serial"}, {.name = port}};
        Diagnostics diagnostics;
        check_vm(vm, Architecture::x86_64, diagnostics);
        EXPECT_EQ(diagnostics.empty(), fits) << name_length;
        if (!fits) {
            EXPECT_EQ(diagnostics.front().message,
                      "The socket /run/qemunit/" + vm.name + "/" + port +
                          ".sock would have a path of more than 107 characters: choose a shorter "
                          "name for the VM or for the device.");
        }
    }
}

TEST(PortContradictionsTest, SoHaveThoseOfTheProgramsBesideQemu) {
    const std::string device(31, 'd');
    const auto check = [&](std::size_t length, const std::string &keys) {
        return testing::from_files({{"vm1.ini", keys}}, Architecture::x86_64,
                                   std::string(length, 'v'))
            .said;
    };
    const std::string folder = "[Share " + device + "]\nPath=/a\nType=virtiofs\nTag=t\n";
    EXPECT_EQ(check(54, folder), Texts{});
    EXPECT_EQ(check(55, folder),
              error(1, "The socket /run/qemunit-fs/" + std::string(55, 'v') + ":" + device +
                           "/sock would have a path of more than 107 characters: choose a "
                           "shorter name for the VM or for the device."));
    const std::string network = "[Network " + device + "]\nType=passt\n";
    EXPECT_EQ(check(51, network), Texts{});
    EXPECT_EQ(check(52, network).size(), 1u);
}

}  // namespace
}  // namespace qemunit::generator
