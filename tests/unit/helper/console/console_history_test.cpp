// SPDX-License-Identifier: MIT
#include "helper/console/console_history.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

std::string lines(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i)
        text += fmt::format("line {}\r\n", i);
    return text;
}

TEST(ConsoleHistoryTest, NothingIsNoScreen) {
    EXPECT_EQ(ConsoleHistory().last_screen(), "");
    EXPECT_EQ(ConsoleHistory().after_gap(0), "");
}

TEST(ConsoleHistoryTest, TheScreenBeginsWithALine) {
    ConsoleHistory history;
    history.append(lines(0, 100) + "login: ");
    EXPECT_EQ(history.last_screen(), lines(77, 100) + "login: ");
}

TEST(ConsoleHistoryTest, AGapThatIsStillHereIsNone) {
    ConsoleHistory history;
    history.append("one\r\ntwo\r\n> ");
    EXPECT_EQ(history.after_gap(2), "> ");
    EXPECT_EQ(history.after_gap(12), "one\r\ntwo\r\n> ");
}

TEST(ConsoleHistoryTest, AfterAGapComesTheLastScreen) {
    ConsoleHistory history;
    for (int i = 0; i < 100; ++i)
        history.append(lines(i * 100, i * 100 + 100));
    const std::string screen = lines(9976, 10'000);
    EXPECT_EQ(history.after_gap(50'000),
              fmt::format("\r\n[qemunit: {} bytes skipped, read faster]\r\n",
                          50'000 - history.last_screen().size()) +
                  std::string(history.last_screen()));
    EXPECT_TRUE(screen.ends_with(history.last_screen()));
}

TEST(ConsoleHistoryTest, OneLineWithoutEndIsBounded) {
    ConsoleHistory history;
    for (int i = 0; i < 1000; ++i)
        history.append(std::string(1000, 'x'));
    EXPECT_GT(history.last_screen().size(), 4096u);
    EXPECT_LE(history.last_screen().size(), 16u * 1024);
}

}  // namespace
}  // namespace qemunit::helper
