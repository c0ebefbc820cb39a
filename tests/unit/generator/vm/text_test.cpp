// SPDX-License-Identifier: MIT
#include "generator/vm/text.h"

#include <gtest/gtest.h>

namespace qemunit::generator {
namespace {

using Words = std::vector<std::string>;

TEST(TextTest, TrimTakesSpacesAndTabsOnly) {
    EXPECT_EQ(trim(" \t a b \t"), "a b");
    EXPECT_EQ(trim("a"), "a");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim("\na\r"), "\na\r");
    EXPECT_EQ(trim("\u00a0a"), "\u00a0a");
}

TEST(TextTest, WordsAreBetweenSpacesAndTabs) {
    EXPECT_EQ(split_words(" a  b\tc "), (Words{"a", "b", "c"}));
    EXPECT_EQ(split_words("\"a b\""), (Words{"\"a", "b\""}));
    EXPECT_EQ(split_words(" \t"), Words{});
    EXPECT_EQ(split_words(""), Words{});
}

TEST(TextTest, FaultsAreControlCharactersAndBrokenUtf8) {
    EXPECT_EQ(text_fault("plain, with\ttab, ä, 日本, 😀"), "");
    EXPECT_EQ(text_fault(""), "");
    EXPECT_EQ(text_fault("a\x1b[31m"), "Control character 0x1b");
    EXPECT_EQ(text_fault("\n"), "Control character 0x0a");
    EXPECT_EQ(text_fault("\r"), "Control character 0x0d");
    EXPECT_EQ(text_fault("\x7f"), "Control character 0x7f");
    EXPECT_EQ(text_fault(std::string_view("a\0b", 3)), "Control character 0x00");
    EXPECT_EQ(text_fault("a\xff"), "Invalid UTF-8");
    EXPECT_EQ(text_fault("\xc3"), "Invalid UTF-8");
}

TEST(TextTest, Utf8IsWhatRfc3629Says) {
    for (const char *good : {"", "a", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd",
                             "\U00010000", "\U0010fffd", "\u0085", "\ufeff"})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (const char *bad : {
             "\x80",              // a continuation with nothing to continue
             "\xc3",              // cut short
             "\xe2\x82",          //
             "\xf0\x9f\x98",      //
             "\xc3\x28",          // continued by something else
             "\xe2\x28\xa1",      //
             "\xe2\x82\x28",      //
             "\xf0\x28\x8c\xbc",  //
             "\xf0\x9f\x28\xbc",  //
             "\xf0\x9f\x98\x28",  //
             "\xc0\xaf",          // overlong
             "\xc1\xbf",          //
             "\xe0\x9f\xbf",      //
             "\xf0\x8f\xbf\xbf",  //
             "\xed\xa0\x80",      // surrogates
             "\xed\xbf\xbf",      //
             "\xf4\x90\x80\x80",  // beyond U+10FFFF
             "\xf5\x80\x80\x80",  //
             "\xfe",              // never
             "\xff",              //
         })
        EXPECT_FALSE(is_utf8(bad));
}

// systemd refuses a line that holds one, and with it ExecStart= would be gone.
TEST(TextTest, NoncharactersAreNoTextAsForSystemd) {
    for (const char *bad : {"\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"}) {
        EXPECT_FALSE(is_utf8(bad));
        EXPECT_EQ(text_fault(bad), "Invalid UTF-8");
        EXPECT_EQ(printable(bad), std::string(std::string_view(bad).size(), '?'));
    }
    for (const char *good : {"\ufdcf", "\ufdf0", "\ufffd", "\U0001fffd", "\U00020000"})
        EXPECT_TRUE(is_utf8(good));
}

TEST(TextTest, AnOddNumberOfBackslashesContinuesTheLine) {
    EXPECT_TRUE(continues_line("a\\"));
    EXPECT_TRUE(continues_line("\\"));
    EXPECT_TRUE(continues_line("a\\\\\\"));
    EXPECT_FALSE(continues_line("a\\\\"));
    EXPECT_FALSE(continues_line("\\\\"));
    EXPECT_FALSE(continues_line("a\\ "));
    EXPECT_FALSE(continues_line("\\a"));
    EXPECT_FALSE(continues_line(""));
}

TEST(TextTest, ShortenCutsBetweenCharacters) {
    const std::string sixty(60, 'a');
    EXPECT_EQ(shorten(sixty), sixty);
    EXPECT_EQ(shorten(sixty + "b"), sixty + "…");
    EXPECT_EQ(shorten(std::string(59, 'a') + "ä and more"), std::string(59, 'a') + "…");
    EXPECT_EQ(shorten(std::string(57, 'a') + "😀 and more"), std::string(57, 'a') + "…");
    EXPECT_EQ(shorten(std::string(100, '\x80')), "…");
    EXPECT_EQ(shorten(""), "");
}

TEST(TextTest, PrintableHidesWhatATerminalWouldObey) {
    EXPECT_EQ(printable("a\x1b[31mb\r\n"), "a?[31mb??");
    EXPECT_EQ(printable("ä\xff\xc3"), "ä??");
    EXPECT_EQ(printable("tab\tstays"), "tab\tstays");
    EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "??");
    EXPECT_EQ(printable(""), "");
}

}  // namespace
}  // namespace qemunit::generator
