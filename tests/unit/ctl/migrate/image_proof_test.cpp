// SPDX-License-Identifier: MIT
#include "ctl/migrate/image_proof.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;

class ImageProofTest : public ::testing::Test {
  protected:
    ImageProofTest() {
        folder.write("a.img", "disk");
        fs::create_hard_link(folder / "a.img", folder / "same.img");
        folder.write("copy.img", "disk");
    }

    const Account self{"self", geteuid(), getegid(), {getegid()}};
    testing::TemporaryFolder folder;
};

TEST_F(ImageProofTest, IsSeenInTheSameFileAlone) {
    uint64_t proof = 0;
    {
        ImageProofs proofs;
        proof = proofs.leave(self, folder / "a.img");
        ASSERT_NE(proof, 0u);
        EXPECT_TRUE(is_proven(self, folder / "a.img", proof));
        EXPECT_TRUE(is_proven(self, folder / "same.img", proof));
        EXPECT_FALSE(is_proven(self, folder / "copy.img", proof));
        EXPECT_FALSE(is_proven(self, folder / "a.img", proof + 1));
        EXPECT_FALSE(is_proven(self, folder / "nowhere.img", proof));
    }
    EXPECT_FALSE(is_proven(self, folder / "a.img", proof));
}

TEST_F(ImageProofTest, ALockOfSomebodyElseProvesNothing) {
    const UniqueFd file(open((folder / "a.img").c_str(), O_RDWR | O_CLOEXEC));
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    ASSERT_EQ(fcntl(file.get(), F_OFD_SETLK, &whole), 0);
    EXPECT_FALSE(is_proven(self, folder / "a.img", uint64_t{1} << 61));
    EXPECT_FALSE(is_proven(self, folder / "a.img", 0));
    EXPECT_FALSE(is_proven(self, folder / "a.img", 100));
    EXPECT_FALSE(is_proven(self, folder / "a.img", UINT64_MAX));
}

// The user of a VM lays a link to root's file on the way.
TEST_F(ImageProofTest, RootLocksNothingThatTheUserCannotRead) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root has a file that others cannot read";
    const Account nobody{"nobody", 65534, 65534, {65534}};
    ASSERT_EQ(chown((folder / "").c_str(), 65534, 65534), 0);
    folder.write("secret", "");
    ASSERT_EQ(chmod((folder / "secret").c_str(), 0600), 0);
    folder.link("link.img", folder / "secret");
    ImageProofs proofs;
    EXPECT_EQ(proofs.leave(nobody, folder / "link.img"), 0u);
    EXPECT_EQ(proofs.leave(nobody, folder / "secret"), 0u);
    ASSERT_EQ(chmod((folder / "a.img").c_str(), 0644), 0);
    const uint64_t proof = proofs.leave(nobody, folder / "a.img");
    EXPECT_TRUE(is_proven(nobody, folder / "a.img", proof));
    EXPECT_FALSE(is_proven(nobody, folder / "secret", proof));
}

TEST_F(ImageProofTest, WhatIsNoFileHasNone) {
    ImageProofs proofs;
    EXPECT_EQ(proofs.leave(self, "/dev/null"), 0u);
    EXPECT_EQ(proofs.leave(self, folder / "nowhere.img"), 0u);
    ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(proofs.leave(self, folder / "fifo"), 0u);
}

}  // namespace
}  // namespace qemunit::ctl
