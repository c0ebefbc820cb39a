// SPDX-License-Identifier: MIT
#include "common/files/move_record.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

const Move kMove{"0123456789abcdef0123456789abcdef", "root@host2", "vm1"};

TEST(MoveRecordTest, IsThereFromCommitToRemove) {
    const testing::TemporaryFolder folder;
    const MoveRecord record(folder / "moved-away");
    ASSERT_TRUE(record.prepare(kMove));
    EXPECT_FALSE(record.exists());
    ASSERT_TRUE(record.commit());
    ASSERT_TRUE(record.commit());  // by the next companion
    EXPECT_TRUE(record.exists());
    const auto read = record.read();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->token, kMove.token);
    EXPECT_EQ(read->host, "root@host2");
    EXPECT_EQ(read->vm, "vm1");
    ASSERT_TRUE(record.prepare(kMove));
    ASSERT_TRUE(record.remove());
    ASSERT_TRUE(record.remove());
    EXPECT_TRUE(folder.contents().empty());
}

TEST(MoveRecordTest, WithoutPrepareThereIsNothingToCommit) {
    const testing::TemporaryFolder folder;
    EXPECT_FALSE(MoveRecord(folder / "moved-away").commit());
}

TEST(MoveRecordTest, WhatIsSetAsideComesBackOrIsForgotten) {
    const testing::TemporaryFolder folder;
    const MoveRecord record(folder / "moved-away");
    ASSERT_TRUE(record.set_aside());  // of nothing
    ASSERT_TRUE(record.restore());
    ASSERT_TRUE(record.prepare(kMove));
    ASSERT_TRUE(record.commit());
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.set_aside());
    EXPECT_FALSE(record.exists());
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.restore());
    EXPECT_EQ(record.read()->token, kMove.token);
    ASSERT_TRUE(record.set_aside());
    ASSERT_TRUE(record.forget());
    ASSERT_TRUE(record.restore());
    EXPECT_TRUE(folder.contents().empty());
}

// QEMU can write in the folder.
TEST(MoveRecordTest, FollowsNoLinkAndWaitsForNobody) {
    const testing::TemporaryFolder folder;
    folder.write("secret", move_text(kMove));
    folder.link("moved-in", folder / "secret");
    EXPECT_FALSE(MoveRecord(folder / "moved-in").read());
    EXPECT_TRUE(MoveRecord(folder / "moved-in").exists());
    ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_FALSE(MoveRecord(folder / "fifo").read());
    folder.link("record.new", folder / "secret");
    ASSERT_TRUE(MoveRecord(folder / "record").prepare({kMove.token, "other", "vm1"}));
    EXPECT_EQ(folder.read("secret"), move_text(kMove));
}

TEST(MoveRecordTest, WhatIsNoRecordIsNone) {
    EXPECT_TRUE(parse_move(move_text(kMove)));
    for (const char *text : {"", "token=0123\nhost=a\nvm=b\n",
                             "token=0123456789ABCDEF0123456789abcdef\nhost=a\nvm=b\n",
                             "token=0123456789abcdef0123456789abcdef\nhost=\nvm=b\n",
                             "token=0123456789abcdef0123456789abcdef\nhost=a b\nvm=b\n",
                             "token=0123456789abcdef0123456789abcdef\nhost=a\x1b[2J\nvm=b\n",
                             "token=0123456789abcdef0123456789abcdef\nhost=a\nvm=b"})
        EXPECT_FALSE(parse_move(text)) << text;
    EXPECT_FALSE(is_move_word(std::string(300, 'a')));
}

}  // namespace
}  // namespace qemunit
