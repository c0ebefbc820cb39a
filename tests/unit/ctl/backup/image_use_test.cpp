// SPDX-License-Identifier: MIT
#include "ctl/backup/image_use.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/unique_fd.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

class ImageUseTest : public ::testing::Test {
  protected:
    ImageUseTest() {
        folder.write("disk.raw", std::string(4096, 'x'));
        image.reset(open((folder / "disk.raw").c_str(), O_RDONLY | O_CLOEXEC));
        writer.reset(open((folder / "disk.raw").c_str(), O_RDWR | O_CLOEXEC));
    }
    // As QEMU does with each permission that it has, or does not share.
    void lock(off_t byte) const {
        struct flock lock {};
        lock.l_type = F_RDLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = byte;
        lock.l_len = 1;
        EXPECT_EQ(fcntl(writer.get(), F_OFD_SETLK, &lock), 0);
    }

    testing::TemporaryFolder folder;
    UniqueFd image, writer;
};

TEST_F(ImageUseTest, WhoReadsIsInNobodysWay) {
    lock(100);
    lock(201);
    const auto use = ImageUse::begin(image.get());
    ASSERT_TRUE(use);
    EXPECT_TRUE(use->end());
}

TEST_F(ImageUseTest, AWriterIsSeenBefore) {
    lock(101);
    EXPECT_EQ(ImageUse::begin(image.get()).error().code, EBUSY);
}

TEST_F(ImageUseTest, AWriterIsSeenAfterwards) {
    const auto use = ImageUse::begin(image.get());
    ASSERT_TRUE(use);
    lock(101);
    EXPECT_EQ(use->end().error().code, EBUSY);
}

TEST_F(ImageUseTest, WhatWasWrittenIsSeenAfterwards) {
    const timespec long_ago[2] = {{1, 0}, {1, 0}};
    ASSERT_EQ(futimens(writer.get(), long_ago), 0);
    const auto use = ImageUse::begin(image.get());
    ASSERT_TRUE(use);
    EXPECT_EQ(pwrite(writer.get(), "y", 1, 0), 1);
    const auto unused = use->end();
    ASSERT_FALSE(unused);
    EXPECT_EQ(unused.error().message,
              "somebody has written to it while it was copied; nothing is kept");
}

}  // namespace
}  // namespace qemunit::ctl
