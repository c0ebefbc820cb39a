// SPDX-License-Identifier: MIT
//
// Tests that need a machine of their own, as somebody would write them. Linked with gtest_main.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "guest_test.h"

namespace {

QEMUNIT_GUEST_TEST(Mounts, HideWhatIsBelow) {
    ASSERT_EQ(mount("none", "/mnt", "tmpfs", 0, ""), 0);
    std::ofstream("/mnt/file") << "in memory";
    EXPECT_EQ(access("/mnt/file", R_OK), 0);
    ASSERT_EQ(umount("/mnt"), 0);
    EXPECT_NE(access("/mnt/file", R_OK), 0);
}

// What a failure looks like.
QEMUNIT_GUEST_TEST(Failing, IsSeenHere) {
    EXPECT_EQ(getpid(), 1) << "the init of qemunit is";
}

QEMUNIT_GUEST_TEST(Skipping, IsSeenHere) {
    GTEST_SKIP() << "nothing to do";
}

TEST(Host, IsAsEver) {
    EXPECT_FALSE(qemunit_guest::is_guest());
}

}  // namespace
