// SPDX-License-Identifier: MIT
#include "ctl/console/escape.h"

#include <gtest/gtest.h>

#include "common/timer.h"

namespace qemunit::ctl {
namespace {

constexpr std::string_view kOne = "\x1d";

TEST(EscapeSequenceTest, ThreeTimesWithinASecondLeaves) {
    EscapeSequence escape;
    EXPECT_FALSE(escape.feed(kOne, 0).leaves);
    EXPECT_FALSE(escape.feed(kOne, kSecond / 2).leaves);
    EXPECT_TRUE(escape.feed(kOne, kSecond).leaves);
}

TEST(EscapeSequenceTest, AllAtOnceLeavesToo) {
    EscapeSequence escape;
    const auto [text, leaves] = escape.feed(
        "ab\x1d\x1d\x1d"
        "cd",
        0);
    EXPECT_TRUE(leaves);
    EXPECT_EQ(text, "ab\x1d\x1d");
}

TEST(EscapeSequenceTest, OneOrTwoAreTheGuests) {
    EscapeSequence escape;
    const auto [text, leaves] = escape.feed(
        "a\x1d\x1d"
        "b\x1d",
        0);
    EXPECT_FALSE(leaves);
    EXPECT_EQ(text,
              "a\x1d\x1d"
              "b\x1d");
    EXPECT_FALSE(escape.feed(kOne, 1).leaves);
    EXPECT_TRUE(escape.feed(kOne, 2).leaves);
}

TEST(EscapeSequenceTest, SlowOnesDoNotLeave) {
    EscapeSequence escape;
    for (uint64_t i = 0; i < 10; ++i)
        EXPECT_FALSE(escape.feed(kOne, i * 600 * kMillisecond).leaves) << i;
}

TEST(EscapeSequenceTest, TheLastThreeCount) {
    EscapeSequence escape;
    EXPECT_FALSE(escape.feed(kOne, 0).leaves);
    EXPECT_FALSE(escape.feed(kOne, 2 * kSecond).leaves);
    EXPECT_FALSE(escape.feed(kOne, 2 * kSecond + 1).leaves);
    EXPECT_TRUE(escape.feed(kOne, 2 * kSecond + 2).leaves);
}

}  // namespace
}  // namespace qemunit::ctl
