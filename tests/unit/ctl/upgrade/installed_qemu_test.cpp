// SPDX-License-Identifier: MIT
#include "ctl/upgrade/installed_qemu.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

TEST(InstalledQemuTest, WordsOfQemu) {
    EXPECT_EQ(machines_in("Supported machines are:\npc   Standard PC\nnone empty\n"),
              (std::vector<std::string>{"Supported", "pc", "none"}));
    EXPECT_EQ(version_in("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\n"), "7.2.22");
    EXPECT_EQ(version_in("what?"), "");
}

}  // namespace
}  // namespace qemunit::ctl
