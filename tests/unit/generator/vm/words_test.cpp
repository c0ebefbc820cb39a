// SPDX-License-Identifier: MIT
//
// Arguments= is split as systemd splits ExecStart=.
#include <gtest/gtest.h>

#include "generator/units/unit_text.h"
#include "generator/vm/values.h"
#include "tests/unit/random_text.h"

namespace qemunit::generator {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text) {
    const auto words = split_quoted(text);
    if (!words)
        return {"error: " + words.error()};
    Words result;
    for (const QemuWord &word : *words)
        result.push_back(word.text);
    return result;
}

TEST(WordsTest, WhiteSpaceSeparates) {
    EXPECT_EQ(split("-device foo\t -x"), (Words{"-device", "foo", "-x"}));
    EXPECT_EQ(split("  a  "), Words{"a"});
    EXPECT_EQ(split(""), Words{});
    EXPECT_EQ(split(" \t "), Words{});
}

TEST(WordsTest, QuotesKeepWhiteSpaceAndEachOther) {
    EXPECT_EQ(split(R"("a b" 'c d')"), (Words{"a b", "c d"}));
    EXPECT_EQ(split(R"("it's" 'say "hi"')"), (Words{"it's", "say \"hi\""}));
    EXPECT_EQ(split(R"("" '' x)"), (Words{"", "", "x"}));
    EXPECT_EQ(split(R"(a"b c"d'e f'g)"), Words{"ab cde fg"});
    EXPECT_EQ(split(R"(file="/a b/c",x=y)"), Words{"file=/a b/c,x=y"});
}

TEST(WordsTest, EscapesCountInAndOutsideOfQuotes) {
    EXPECT_EQ(split(R"(\a\b\f\n\r\t\v\\\"\'\s)"), Words{"\a\b\f\n\r\t\v\\\"' "});
    EXPECT_EQ(split(R"("a\"b" 'a\'b' a\sb)"), (Words{"a\"b", "a'b", "a b"}));
    EXPECT_EQ(split(R"(\x41\101\u00e4\U0001f600)"), Words{"AAä😀"});
    EXPECT_EQ(split(R"("\xc3\xa4")"), Words{"ä"});
    EXPECT_EQ(split(R"(\x41B \1012)"), (Words{"AB", "A2"}));
    EXPECT_EQ(split(R"(\uFFFD\u20AC)"), Words{"\ufffd€"});
}

TEST(WordsTest, NothingElseHasAMeaning) {
    EXPECT_EQ(split("$HOME ${A} %n ; # , ~ * `x` | &"),
              (Words{"$HOME", "${A}", "%n", ";", "#", ",", "~", "*", "`x`", "|", "&"}));
}

TEST(WordsTest, BrokenTexts) {
    EXPECT_EQ(split("a\\"), Words{"error: ends with a backslash."});
    EXPECT_EQ(split("\"a\\"), Words{"error: ends with a backslash."});
    EXPECT_EQ(split("\"a b"), Words{"error: the quote \" is not closed."});
    EXPECT_EQ(split("a 'b"), Words{"error: the quote ' is not closed."});
    EXPECT_EQ(split("\"a\\\""), Words{"error: the quote \" is not closed."});
    EXPECT_EQ(split(R"(C:\disk)"),
              Words{"error: unknown escape '\\d'; a backslash itself is written '\\\\'."});
}

TEST(WordsTest, EscapesThatAreNone) {
    for (const char *bad : {R"(\x)", R"(\x4)", R"(\xg1)", R"(\x00)"})
        EXPECT_EQ(split(bad),
                  Words{"error: unknown escape '\\x'; a backslash itself is written '\\\\'."})
            << bad;
    for (const char *bad : {R"(\u)", R"(\u00e)", R"(\u000g)", R"(\u0000)"})
        EXPECT_EQ(split(bad),
                  Words{"error: unknown escape '\\u'; a backslash itself is written '\\\\'."})
            << bad;
    for (const char *bad : {R"(\U)", R"(\U0001f60)", R"(\U00110000)", R"(\Uffffffff)"})
        EXPECT_EQ(split(bad),
                  Words{"error: unknown escape '\\U'; a backslash itself is written '\\\\'."})
            << bad;
    for (const char *bad : {R"(\0)", R"(\000)", R"(\08)", R"(\01)"})
        EXPECT_EQ(split(bad),
                  Words{"error: unknown escape '\\0'; a backslash itself is written '\\\\'."})
            << bad;
    EXPECT_EQ(split(R"(\400)"),
              Words{"error: unknown escape '\\4'; a backslash itself is written '\\\\'."});
    EXPECT_EQ(split("\\ä"),
              Words{"error: unknown escape '\\?'; a backslash itself is written '\\\\'."});
}

TEST(WordsTest, WordsAreUtf8) {
    EXPECT_EQ(split(R"(\xff)"), Words{"error: a word is not UTF-8."});
    EXPECT_EQ(split(R"(\ud800)"), Words{"error: a word is not UTF-8."});
    EXPECT_EQ(split(R"("\xc3" "\xa4")"), Words{"error: a word is not UTF-8."});
}

// quote_word() doubles what systemd expands later; nothing expands here.
std::string quote(std::string_view word) {
    std::string text;
    bool skip = false;
    for (char c : quote_word(word)) {
        if (skip) {
            skip = false;
            continue;
        }
        skip = c == '$' || c == '%';
        text += c;
    }
    return text;
}

TEST(WordsTest, WhatIsQuotedComesBack) {
    testing::RandomText random(2);
    for (int i = 0; i < 5000; ++i) {
        Words words;
        std::string text;
        for (std::size_t n = random.below(4); n > 0; --n) {
            words.push_back(random.word());
            text += " " + quote(words.back());
        }
        EXPECT_EQ(split(text), words) << text;
    }
}

TEST(WordsTest, AnyBytesAreEitherSplitOrRefused) {
    testing::RandomText random(3);
    for (int i = 0; i < 5000; ++i)
        split(random.bytes(random.below(24)));
}

}  // namespace
}  // namespace qemunit::generator
