// SPDX-License-Identifier: MIT
//
// What the ini of a user's VM may not ask for, and that the system's may.
#include "generator/check/user_scope.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

constexpr const char *kIni =
    "[VM]\nUser=ann\n"
    "[Monitor]\nSocketUser=ann\n"
    "[Serial serial]\nSocketGroup=staff\n"
    "[Channel events]\nSocketUser=ann\n"
    "[Network a]\nType=tap\n"
    "[Network b]\nType=bridge\nBridge=br0\n"
    "[Share src]\nPath=/srv\nType=virtiofs\n"
    "[HostDevice card]\nPCI=03:00.0\n[HostDevice stick]\nUSB=1-2\n"
    "[Service]\nNice=5\nUser=ann\nSupplementaryGroups=disk\n"
    "[Install]\nWantedBy=default.target machines.target\n";

TEST(UserScopeTest, AreRefusedWithTheirLine) {
    const std::string folder = "nobody else gets into the folder of a user's sockets.";
    const std::string tap =
        "a user may make no interfaces of the host. Type=user and Type=passt need none.";
    const std::string rights = "a user's manager starts nothing with other rights than its own.";
    const std::string needs = " needs the system manager: ";
    Texts said = testing::from_ini_of_joe(kIni).said;
    std::ranges::sort(said);
    Texts expected = {
        "error: vm1.ini:2: User=ann" + needs + "QEMU runs as the user whose VM it is.",
        "error: vm1.ini:4: SocketUser=ann" + needs + folder,
        "error: vm1.ini:6: SocketGroup=staff" + needs + folder,
        "error: vm1.ini:8: SocketUser=ann" + needs + folder,
        "error: vm1.ini:10: Type=tap" + needs + tap,
        "error: vm1.ini:12: Type=bridge" + needs + tap,
        "error: vm1.ini:16: Type=virtiofs" + needs +
            "virtiofsd runs as root. Type=9p does not need it.",
        "error: vm1.ini:18: PCI=0000:03:00.0" + needs + "a user may take no device from the host.",
        "error: vm1.ini:20: USB=1-2" + needs + "a user may take no device from the host.",
        "error: vm1.ini:23: User=ann" + needs + rights,
        "error: vm1.ini:24: SupplementaryGroups=disk" + needs + rights,
        "error: vm1.ini:26: WantedBy=machines.target" + needs +
            "a user's manager starts default.target.",
    };
    std::ranges::sort(expected);
    EXPECT_EQ(said, expected);
}

TEST(UserScopeTest, AreForTheSystem) {
    EXPECT_EQ(testing::from_ini(kIni).said, Texts{});
}

TEST(UserScopeTest, WhatAUserHasToo) {
    EXPECT_EQ(testing::from_ini_of_joe("[VM]\nTPM=yes\nVSockCID=3\n"
                                       "[Monitor]\nSocketMode=0600\n"
                                       "[Network a]\n[Network b]\nType=passt\n"
                                       "[Share s]\nPath=/srv\n"
                                       "[Drive d]\nFile=d.img\nSize=1M\n"
                                       "[Service]\nMemoryMax=2G\n"
                                       "[Install]\nWantedBy=default.target\n")
                  .said,
              Texts{});
}

}  // namespace
}  // namespace qemunit::generator
