// SPDX-License-Identifier: MIT
#include "common/utf8.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(Utf8Test, WhatIsTakenApartIsPutTogetherAgain) {
    const std::string text = "a\u00e4\u07ff\u0800\u20ac\uffff\U00010000\U0010ffff";
    const std::u32string decoded = decode_utf8(text);
    EXPECT_EQ(decoded, U"a\u00e4\u07ff\u0800\u20ac\uffff\U00010000\U0010ffff");
    std::string again;
    for (char32_t c : decoded)
        append_utf8(again, c);
    EXPECT_EQ(again, text);
    EXPECT_EQ(decode_utf8(""), U"");
    EXPECT_EQ(decode_utf8("a\xe2\x82"), U"a");
}

TEST(Utf8Test, TheFirstCharacter) {
    const auto first = [](std::string_view text) {
        const auto c = first_of_utf8(text);
        return c ? std::pair(c->code, c->length) : std::pair(char32_t{0xffffffff}, std::size_t{0});
    };
    using Found = std::pair<char32_t, std::size_t>;
    EXPECT_EQ(first("ab"), Found('a', 1));
    EXPECT_EQ(first(std::string_view("\0", 1)), Found(0, 1));
    EXPECT_EQ(first("\xc3\xa4x"), Found(0xe4, 2));
    EXPECT_EQ(first("\xe2\x82\xac"), Found(0x20ac, 3));
    EXPECT_EQ(first("\xef\xbf\xbf"), Found(0xffff, 3));
    EXPECT_EQ(first("\xf0\x9f\x98\x80x"), Found(0x1f600, 4));
    EXPECT_EQ(first("\xf4\x8f\xbf\xbf"), Found(0x10ffff, 4));
    // Nothing, half of one, overlong, surrogates, too large, bytes that begin none.
    for (const char *text :
         {"", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3x", "\xe2\x82x", "\xc0\x80", "\xc1\xbf",
          "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\x80", "\xbf", "\xff"}) {
        EXPECT_FALSE(first_of_utf8(text)) << text;
        EXPECT_EQ(is_whole_utf8(text), *text == '\0') << text;
    }
    EXPECT_TRUE(is_whole_utf8("a\xc3\xa4"));
    EXPECT_FALSE(is_whole_utf8("a\xc3"));
}

TEST(Utf8Test, WholeCharacters) {
    const std::string_view text = "a\xe2\x82\xac\xc3\xa4";
    EXPECT_EQ(whole_characters(text, 0), "");
    EXPECT_EQ(whole_characters(text, 1), "a");
    EXPECT_EQ(whole_characters(text, 2), "a");
    EXPECT_EQ(whole_characters(text, 3), "a");
    EXPECT_EQ(whole_characters(text, 4), "a\xe2\x82\xac");
    EXPECT_EQ(whole_characters(text, 5), "a\xe2\x82\xac");
    EXPECT_EQ(whole_characters(text, 6), text);
    EXPECT_EQ(whole_characters(text, 99), text);
}

}  // namespace
}  // namespace qemunit
