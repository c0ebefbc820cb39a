// SPDX-License-Identifier: MIT
#include "ctl/output/printable.h"

#include <gtest/gtest.h>

#include <random>

namespace qemunit::ctl {
namespace {

using namespace std::string_literals;

TEST(PrintableTest, TextIsAsItIs) {
    for (const std::string text :
         {"", "web  running\n", "a\tb\r\nc", "\u00e4\u20ac\u65e5\U0001f600", "back\\slash"})
        EXPECT_EQ(printable_text(text), text);
}

TEST(PrintableTest, WhatATerminalObeysIsWrittenOut) {
    EXPECT_EQ(printable_text("\x1b[31mred\x1b[m"), "\\x1b[31mred\\x1b[m");
    EXPECT_EQ(printable_text("\x1b]0;title\a"), "\\x1b]0;title\\x07");
    EXPECT_EQ(printable_text("a\0b\b\x7f"s), "a\\x00b\\x08\\x7f");
    EXPECT_EQ(printable_text("kept\rforged\r"), "kept\\rforged\\r");
    EXPECT_EQ(printable_text("\r\r\n"), "\\r\r\n");
    // C1: as bytes of Latin 1, and as characters.
    EXPECT_EQ(printable_text("\x9b"
                             "31m"),
              "\\x9b31m");
    EXPECT_EQ(printable_text("\u009b31m\u0085"), "\\u009b31m\\u0085");
    // Right to left, and lines of Unicode's own.
    EXPECT_EQ(printable_text("\u202egpj.exe\u2066\u200f\u2028"),
              "\\u202egpj.exe\\u2066\\u200f\\u2028");
}

TEST(PrintableTest, WhatIsNoUtf8IsWrittenOutByteByByte) {
    EXPECT_EQ(printable_text("\xff\xc0\xafz"), "\\xff\\xc0\\xafz");
    EXPECT_EQ(printable_text("\xe2\x82"), "\\xe2\\x82");           // cut off
    EXPECT_EQ(printable_text("\xe2\x1b["), "\\xe2\\x1b[");         // and what comes then counts
    EXPECT_EQ(printable_text("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");  // longer than it has to be
    EXPECT_EQ(printable_text("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a pair of UTF-16
    EXPECT_EQ(printable_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
}

// A buffer ends where it ends.
TEST(PrintableTest, PiecesMakeTheSameText) {
    std::string text = "\x1b[m\u009b\u20ac\U0001f600\r\n\r\xe2\x82\xff\u00e4\xf0\x9f";
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i)
        text += static_cast<char>(random());
    for (int run = 0; run < 50; ++run) {
        Printable pieces;
        std::string shown;
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t n = std::min<std::size_t>(rest.size(), random() % 5);
            shown += pieces.feed(rest.substr(0, n));
            rest.remove_prefix(n);
        }
        shown += pieces.end();
        ASSERT_EQ(shown, printable_text(text));
    }
    for (const char c : printable_text(text))
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t' || c == '\r');
}

}  // namespace
}  // namespace qemunit::ctl
