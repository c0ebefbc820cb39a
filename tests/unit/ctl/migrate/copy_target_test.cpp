// SPDX-License-Identifier: MIT
#include "ctl/migrate/copy_target.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;

class CopyTargetTest : public ::testing::Test {
  protected:
    CopyTargetTest() {
        folder.write("disk.raw", "");
        fs::resize_file(raw, 1 << 20);
    }
    CopyTarget target(const std::string &path, const std::string &format = "raw",
                      const std::optional<UnfinishedCopy> &unfinished = {}) const {
        return copy_target("data", path, format, unfinished);
    }
    // A header of version 2 and the table of the first level behind it.
    std::string qcow2(const std::string &entry, char snapshots = 0) const {
        std::string bytes("QFI\xfb\0\0\0\2", 8);
        bytes.resize(24);
        bytes += std::string("\0\0\0\0\0\x10\0\0", 8);                     // 1 MiB
        bytes += std::string("\0\0\0\0", 4) + std::string("\0\0\0\1", 4);  // one table
        bytes += std::string("\0\0\0\0\0\0\0\x80", 8);                     // at 128
        bytes.resize(60);
        bytes += std::string("\0\0\0", 3) + snapshots;
        bytes.resize(128);
        return folder.write("disk.qcow2", bytes + entry);
    }

    testing::TemporaryFolder folder;
    const std::string raw = folder / "disk.raw";
};

TEST_F(CopyTargetTest, ABlankFileTakesACopy) {
    const CopyTarget taken = target(raw);
    EXPECT_EQ(taken.refusal, "");
    EXPECT_EQ(taken.length, 1u << 20);
    struct stat status {};
    ASSERT_EQ(stat(raw.c_str(), &status), 0);
    EXPECT_EQ(taken.image.inode, status.st_ino);
    EXPECT_EQ(taken.image.drive, "data");
}

TEST_F(CopyTargetTest, DataIsNotWrittenOver) {
    const UniqueFd file(open(raw.c_str(), O_WRONLY | O_CLOEXEC));
    // As qemu-img makes it, with a first block that is no hole.
    ASSERT_EQ(pwrite(file.get(), std::string(4096, '\0').data(), 4096, 0), 4096);
    EXPECT_EQ(target(raw).refusal, "");
    ASSERT_EQ(pwrite(file.get(), "x", 1, 512 << 10), 1);
    EXPECT_EQ(target(raw).refusal, "[Drive data]: " + raw +
                                       " has data, which a copy would write over; if nobody needs "
                                       "it, remove that file");
    // Unless it is what was copied before, by the file and not by its name.
    UnfinishedCopy unfinished{.move = {}, .images = {target(raw).image}};
    CopiedImage &image = unfinished.images.front();
    EXPECT_EQ(target(raw, "raw", unfinished).refusal.empty(), image.born != 0);
    // The number of one that was removed is given to another file.
    --image.born;
    EXPECT_NE(target(raw, "raw", unfinished).refusal, "");
    ++image.born;
    ++image.inode;
    EXPECT_NE(target(raw, "raw", unfinished).refusal, "");
}

TEST_F(CopyTargetTest, AQcow2ImageWithoutATableIsBlank) {
    EXPECT_EQ(target(qcow2(std::string(8, '\0')), "qcow2").refusal, "");
    EXPECT_EQ(target(qcow2(std::string(8, '\0')), "qcow2").length, 1u << 20);
    EXPECT_NE(target(qcow2(std::string(7, '\0') + "\1"), "qcow2").refusal, "");
    EXPECT_NE(target(qcow2(std::string(8, '\0'), 1), "qcow2").refusal, "");
    EXPECT_NE(target(qcow2(""), "qcow2").refusal, "");  // cut off
}

TEST_F(CopyTargetTest, WhatIsNoSuchImageIsRefused) {
    EXPECT_EQ(
        target(raw, "qcow2").refusal,
        "[Drive data]: " + raw +
            " is no image of Format=qcow2, or of one that disks are copied into (raw, qcow2)");
    EXPECT_NE(target(folder.make_folder("d")).refusal, "");
    EXPECT_NE(target(folder / "none").refusal, "");
}

}  // namespace
}  // namespace qemunit::ctl
