// SPDX-License-Identifier: MIT
#include "ctl/vms/rename_text.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

TEST(RenameTextTest, PathsFollowTheFolder) {
    EXPECT_EQ(moved_text("# /s/a/x stays\n[VM]\nArguments = -a /s/a/x,/s/a/y /s/ab/z\nQEMU=/s/a\n",
                         "/s/a", "/s/long"),
              "# /s/a/x stays\n[VM]\nArguments = -a /s/long/x,/s/long/y /s/ab/z\nQEMU=/s/a\n");
}

TEST(RenameTextTest, WhatWasMadeOfTheNameIsWrittenDown) {
    const std::string text =
        "[VM]\nMemory=1G\n\n[Network lan]\n# of it\nRestrict=yes\n\n"
        "[Network wan]\n[Network own]\nMAC=52:54:00:00:00:01\n[CloudInit]\n"
        "User=joe\n";
    const MadeOfName made{{{"lan", "a"}, {"wan", "b"}, {"own", "c"}, {"dropped", "d"}}, "vm1"};
    EXPECT_EQ(pinned_text(text, {text, "[Network wan]\nMAC=e\n"}, made),
              "[VM]\nMemory=1G\n\n[Network lan]\n# of it\nRestrict=yes\nMAC=a\n\n[Network wan]\n"
              "[Network own]\nMAC=52:54:00:00:00:01\n[CloudInit]\nUser=joe\nHostname=vm1\n");
    EXPECT_EQ(pinned_text("[VM]\n", {"[VM]\n"}, made), "[VM]\n");
}

}  // namespace
}  // namespace qemunit::ctl
