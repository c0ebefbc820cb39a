// SPDX-License-Identifier: MIT
#include "common/files/copy_mark.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

const UnfinishedCopy kCopy{.move = {"0123456789abcdef0123456789abcdef", "host1", "vm1"},
                           .images = {{"root", 65025, 1234, 5}, {"data", 65025, 1235, 6}}};

TEST(CopyMarkTest, SaysWhichImagesAreNotWhole) {
    const testing::TemporaryFolder folder;
    const CopyMark mark(folder.path());
    EXPECT_FALSE(mark.counts());
    ASSERT_TRUE(mark.write(kCopy));
    EXPECT_TRUE(mark.counts());
    const auto read = mark.read();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->move.host, "host1");
    EXPECT_EQ(copied_images_text(read->images), "root:65025:1234:5,data:65025:1235:6");
    ASSERT_TRUE(mark.write(kCopy));
    ASSERT_TRUE(mark.remove());
    ASSERT_TRUE(mark.remove());
    EXPECT_FALSE(mark.counts());
    EXPECT_TRUE(folder.contents().empty());
}

// Whoever is killed between the two steps: the disks were whole before the guest was taken.
TEST(CopyMarkTest, CountsUntilTheGuestIsThisHosts) {
    const testing::TemporaryFolder folder;
    const CopyMark mark(folder.path());
    const ArrivalRecord arrived(folder.path());
    ASSERT_TRUE(mark.write(kCopy));
    ASSERT_TRUE(arrived.expect(kCopy.move));
    EXPECT_TRUE(mark.counts());
    ASSERT_TRUE(arrived.take(kCopy.move.token));
    EXPECT_FALSE(mark.counts());
    // It did not run, and goes on where it came from.
    ASSERT_TRUE(arrived.give_back(kCopy.move.token));
    EXPECT_TRUE(mark.counts());
}

TEST(CopyMarkTest, WhatCannotBeReadCounts) {
    const testing::TemporaryFolder folder;
    const CopyMark mark(folder.path());
    folder.write("unfinished-copy", "token=x\n");
    EXPECT_TRUE(mark.counts());
    EXPECT_FALSE(mark.read());
    std::filesystem::remove(mark.path());
    folder.link("unfinished-copy", "/dev/null");
    EXPECT_TRUE(mark.counts());
}

TEST(CopyMarkTest, AListThatIsNoneNamesNoImage) {
    for (const char *text : {"", "root", "root:1:2", "root:1:2:x", "ro/ot:1:2:3", "root:1:2:3,x"})
        EXPECT_TRUE(parse_copied_images(text).empty()) << text;
    EXPECT_EQ(parse_copied_images("root:1:2:3").size(), 1u);
}

}  // namespace
}  // namespace qemunit
