// SPDX-License-Identifier: MIT
//
// Which line of a guest's console decides, and when.
#include "ctl/console/awaited_line.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Verdict = AwaitedLine::Verdict;

RegularExpression expression(const std::string &text) {
    return std::move(*RegularExpression::compile(text));
}

AwaitedLine awaiting(const std::string &wanted) {
    return {expression(wanted), {}};
}

AwaitedLine awaiting(const std::string &wanted, const std::string &unwanted) {
    return {expression(wanted), expression(unwanted)};
}

TEST(AwaitedLineTest, AWholeLineDecidesAtOnce) {
    AwaitedLine line = awaiting("ready");
    line.feed("booting\r\nall rea");
    EXPECT_EQ(line.verdict(), Verdict::open);
    line.feed("dy now\r\nmore ready\r\n");
    EXPECT_EQ(line.verdict(), Verdict::wanted);
    EXPECT_EQ(line.line(), "all ready now");
}

TEST(AwaitedLineTest, APromptDecidesAsItStands) {
    AwaitedLine line = awaiting("login: $");
    line.feed("\x1b[1mDebian\x1b[0m\r\nvm1 login: ");
    EXPECT_EQ(line.verdict(), Verdict::open);
    EXPECT_TRUE(line.partial_matches());
    line.take_partial();
    EXPECT_EQ(line.verdict(), Verdict::wanted);
    EXPECT_EQ(line.line(), "vm1 login: ");
}

TEST(AwaitedLineTest, HalfALineThatGoesOnDecidesAsAWhole) {
    AwaitedLine line = awaiting("status: 1$");
    line.feed("exit status: 1");
    EXPECT_TRUE(line.partial_matches());
    line.feed("2\r\n");
    EXPECT_FALSE(line.partial_matches());
    line.take_partial();
    EXPECT_EQ(line.verdict(), Verdict::open);
}

TEST(AwaitedLineTest, ALineThatIsDrawnOverAndOver) {
    AwaitedLine line = awaiting("50%");
    line.feed("loading 49%\rloading 50%");
    EXPECT_TRUE(line.partial_matches());
    line.feed("\rloading 51%");
    EXPECT_FALSE(line.partial_matches());
}

TEST(AwaitedLineTest, TheFirstLineThatMatchesEitherDecides) {
    AwaitedLine bad = awaiting("login:", "panic");
    bad.feed("Kernel panic - not syncing\nvm1 login: \n");
    EXPECT_EQ(bad.verdict(), Verdict::unwanted);
    EXPECT_EQ(bad.line(), "Kernel panic - not syncing");
    AwaitedLine good = awaiting("login:", "panic");
    good.feed("vm1 login: \nKernel panic\n");
    EXPECT_EQ(good.verdict(), Verdict::wanted);
    AwaitedLine both = awaiting("panic", "Kernel");
    both.feed("Kernel panic\n");
    EXPECT_EQ(both.verdict(), Verdict::unwanted);
}

TEST(AwaitedLineTest, WhatIsPassedOverDoesNotCount) {
    AwaitedLine line = awaiting("^ls|login");
    line.pass_over("vm1 login: root\r\n# \x1b[1");
    line.take_partial();
    EXPECT_EQ(line.verdict(), Verdict::open);
    line.feed("mls -l\r\n");  // the rest of an escape sequence is one
    EXPECT_EQ(line.verdict(), Verdict::wanted);
    EXPECT_EQ(line.line(), "ls -l");
}

TEST(AwaitedLineTest, WhatIsLeftAtTheEndCounts) {
    AwaitedLine line = awaiting("Power down$");
    line.feed("reboot: Power down");
    line.end();
    EXPECT_EQ(line.verdict(), Verdict::wanted);
}

TEST(AwaitedLineTest, LongLinesAreSearchedToTheirEnd) {
    for (const std::size_t before : {0u, 2'000u, 4'090u, 4'100u, 10'000u, 16'000u}) {
        AwaitedLine line = awaiting("needle$");
        line.feed(std::string(before, 'x') + " the needle\n");
        EXPECT_EQ(line.verdict(), Verdict::wanted) << before;
        AwaitedLine partial = awaiting("needle$");
        partial.feed(std::string(before, 'x') + " the needle");
        EXPECT_TRUE(partial.partial_matches()) << before;
    }
    // A piece begins and ends no line.
    AwaitedLine line = awaiting("^x+y|yx+$");
    line.feed("y" + std::string(15'000, 'x') + "y\n");
    EXPECT_EQ(line.verdict(), Verdict::open);
}

TEST(AwaitedLineTest, AnEndlessLineIsSearchedToo) {
    AwaitedLine line = awaiting("needle");
    for (int i = 0; i < 1000; ++i)
        line.feed(std::string(1'000, 'x'));
    EXPECT_EQ(line.verdict(), Verdict::open);
    EXPECT_FALSE(line.partial_matches());
    line.feed("needle");
    EXPECT_TRUE(line.partial_matches());
}

TEST(AwaitedLineTest, TheLastLinesAreForPeople) {
    AwaitedLine line = awaiting("never");
    EXPECT_TRUE(line.last_lines().empty());
    for (int i = 0; i < 100; ++i)
        line.feed(fmt::format("line {}\n\n  \n", i));
    line.feed(std::string(1'000, 'x') + "\n$ ");
    const auto last = line.last_lines();
    ASSERT_EQ(last.size(), 6u);
    EXPECT_EQ(last.front(), "line 96");
    EXPECT_EQ(last[4], std::string(300, 'x') + "…");
    EXPECT_EQ(last.back(), "$ ");
}

}  // namespace
}  // namespace qemunit::ctl
