// SPDX-License-Identifier: MIT
#include "common/files/arrival_record.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

const Move kFirst{"0123456789abcdef0123456789abcdef", "host1", "vm1"};
const Move kSecond{"fedcba9876543210fedcba9876543210", "host3", "vm1"};

class ArrivalRecordTest : public ::testing::Test {
  protected:
    Arrival state(const Move &move = kFirst) const { return record.state(move.token); }

    testing::TemporaryFolder folder;
    const ArrivalRecord record{folder / ""};
};

TEST_F(ArrivalRecordTest, GoesByStepsThatCanBeDoneAgain) {
    EXPECT_EQ(state(), Arrival::none);
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.expect(kFirst));
    EXPECT_EQ(state(), Arrival::coming);
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.take(kFirst.token));
    EXPECT_EQ(state(), Arrival::taken);
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.confirm(kFirst.token));
    EXPECT_EQ(state(), Arrival::runs);
    EXPECT_FALSE(record.give_back(kFirst.token));
    EXPECT_FALSE(record.revoke(kFirst.token));
    EXPECT_FALSE(record.expect(kFirst));
    EXPECT_EQ(state(), Arrival::runs);
}

TEST_F(ArrivalRecordTest, WhatIsRevokedIsNotTaken) {
    ASSERT_TRUE(record.expect(kFirst));
    for (int times = 0; times < 2; ++times)
        ASSERT_TRUE(record.revoke(kFirst.token));
    EXPECT_EQ(state(), Arrival::refused);
    EXPECT_FALSE(record.take(kFirst.token));
    EXPECT_FALSE(record.expect(kFirst));
    EXPECT_EQ(state(), Arrival::refused);
}

TEST_F(ArrivalRecordTest, WhatIsTakenIsNotRevokedButGivenBack) {
    ASSERT_TRUE(record.expect(kFirst));
    ASSERT_TRUE(record.take(kFirst.token));
    EXPECT_FALSE(record.revoke(kFirst.token));
    EXPECT_EQ(state(), Arrival::taken);
    ASSERT_TRUE(record.give_back(kFirst.token));
    EXPECT_EQ(state(), Arrival::refused);
}

TEST_F(ArrivalRecordTest, NothingIsTakenThatWasNotExpected) {
    EXPECT_FALSE(record.take(kFirst.token));
    EXPECT_FALSE(record.revoke(kFirst.token));
    EXPECT_EQ(state(), Arrival::none);
}

// A -> B, B -> C, C -> B: B still knows of the first.
TEST_F(ArrivalRecordTest, OneMoveDoesNotHideAnother) {
    for (const Move &move : {kFirst, kSecond}) {
        ASSERT_TRUE(record.expect(move));
        ASSERT_TRUE(record.take(move.token));
        ASSERT_TRUE(record.forget_others(move.token));
        ASSERT_TRUE(record.confirm(move.token));
    }
    EXPECT_EQ(state(kFirst), Arrival::runs);
    EXPECT_EQ(state(kSecond), Arrival::runs);
}

// Whoever runs on the disks makes "no" wrong for a guest that stands still elsewhere.
TEST_F(ArrivalRecordTest, AStartForgetsWhatWasNotTaken) {
    ASSERT_TRUE(record.expect(kFirst));
    ASSERT_TRUE(record.expect(kSecond));
    ASSERT_TRUE(record.revoke(kSecond.token));
    ASSERT_TRUE(record.forget_others(kFirst.token));
    EXPECT_EQ(state(kFirst), Arrival::coming);
    EXPECT_EQ(state(kSecond), Arrival::none);
    ASSERT_TRUE(record.take(kFirst.token));
    ASSERT_TRUE(record.forget_others({}));
    EXPECT_EQ(state(kFirst), Arrival::taken);
}

TEST_F(ArrivalRecordTest, WhatCannotBeFoundOutIsUnknown) {
    EXPECT_EQ(record.state("../../etc/passwd"), Arrival::unknown);
    folder.write("file", "");
    const ArrivalRecord unreadable(folder / "file");
    EXPECT_EQ(unreadable.state(kFirst.token), Arrival::unknown);
    EXPECT_FALSE(unreadable.forget_others({}));
    EXPECT_FALSE(unreadable.expect(kFirst));
    const ArrivalRecord missing(folder / "nowhere");
    EXPECT_EQ(missing.state(kFirst.token), Arrival::none);
    EXPECT_TRUE(missing.forget_others({}));
}

TEST_F(ArrivalRecordTest, TheOldestAreForgotten) {
    std::string token = kFirst.token;
    for (int moves = 0; moves < 100; ++moves) {
        token[0] = static_cast<char>('0' + moves / 10);
        token[1] = static_cast<char>('0' + moves % 10);
        ASSERT_TRUE(record.expect({token, "host1", "vm1"}));
        ASSERT_TRUE(record.take(token));
    }
    EXPECT_LE(folder.contents().size(), 32u);
    EXPECT_EQ(record.state(token), Arrival::taken);
}

}  // namespace
}  // namespace qemunit
