// SPDX-License-Identifier: MIT
//
// What is written; systemd_parser_test.cpp holds it against systemd's own parser.
#include "generator/units/unit_text.h"

#include <gtest/gtest.h>

#include "common/paths.h"

namespace qemunit::generator {
namespace {

TEST(QuoteWordTest, PlainWordsStayAsTheyAre) {
    for (const char *plain : {"-device", "virtio-blk-pci,drive=root,id=root", "/usr/bin/qemu",
                              "user@host:1", "a+b=c", "1.5_x"})
        EXPECT_EQ(quote_word(plain), plain);
}

TEST(QuoteWordTest, WhatSystemdWouldSplitOrReadIsQuoted) {
    EXPECT_EQ(quote_word(""), R"("")");
    EXPECT_EQ(quote_word("a b"), R"("a b")");
    EXPECT_EQ(quote_word(";"), R"(";")");
    EXPECT_EQ(quote_word("#x"), R"("#x")");
    EXPECT_EQ(quote_word("it's"), R"("it's")");
    EXPECT_EQ(quote_word("a\"b"), R"("a\"b")");
    EXPECT_EQ(quote_word("a\\b"), R"("a\\b")");
    EXPECT_EQ(quote_word("\\"), R"("\\")");
    EXPECT_EQ(quote_word("[Service]"), R"("[Service]")");
    EXPECT_EQ(quote_word("ä"), R"("ä")");
}

TEST(QuoteWordTest, SpecifiersAndVariablesAreDoubled) {
    EXPECT_EQ(quote_word("%n"), "%%n");
    EXPECT_EQ(quote_word("100%"), "100%%");
    EXPECT_EQ(quote_word("$HOME"), "$$HOME");
    EXPECT_EQ(quote_word("${A}"), R"("$${A}")");
    EXPECT_EQ(quote_word("$$%%"), "$$$$%%%%");
}

TEST(QuoteWordTest, NoControlCharacterIsWrittenAsItIs) {
    EXPECT_EQ(quote_word("a\nb"), R"("a\nb")");
    EXPECT_EQ(quote_word("a\tb"), R"("a\tb")");
    EXPECT_EQ(quote_word("a\rb"), R"("a\x0db")");
    EXPECT_EQ(quote_word("\x1b[m"), R"("\x1b[m")");
    EXPECT_EQ(quote_word("\x01\x7f"), R"("\x01\x7f")");
}

TEST(QuoteWordTest, WhatIsNotUtf8IsEscaped) {
    EXPECT_EQ(quote_word("\xff"), R"("\xff")");
    EXPECT_EQ(quote_word("ä\x80"), R"("\xc3\xa4\x80")");
    EXPECT_EQ(quote_word("\ufffe"), R"("\xef\xbf\xbe")");
}

TEST(EscapeSpecifiersTest, DoublesPercentSignsOnly) {
    EXPECT_EQ(escape_specifiers("100% of %n"), "100%% of %%n");
    EXPECT_EQ(escape_specifiers("\"a\" $b \\c"), "\"a\" $b \\c");
    EXPECT_EQ(escape_specifiers(""), "");
}

TEST(QuotePathTest, KnowsNoCEscapes) {
    EXPECT_EQ(quote_path("/a/b-c_d.img"), "/a/b-c_d.img");
    EXPECT_EQ(quote_path("-/dev/sda"), "-/dev/sda");
    EXPECT_EQ(quote_path("/a b"), R"("/a b")");
    EXPECT_EQ(quote_path("/a:b"), R"("/a\:b")");
    EXPECT_EQ(quote_path("/a\"b"), R"X("/a"'"'"b")X");
    EXPECT_EQ(quote_path("/a\\b"), R"("/a\\b")");
    EXPECT_EQ(quote_path("/a'b"), R"("/a'b")");
    EXPECT_EQ(quote_path("/a%b"), "/a%%b");
    EXPECT_EQ(quote_path("/a$b"), R"("/a$b")");
    EXPECT_EQ(quote_path("/ä"), R"("/ä")");
}

TEST(UnitTextTest, ASpecifierIsForSystemdToResolve) {
    const std::string path = std::string{kSpecifier, 'S'} + "/qemunit/vm1/100%";
    EXPECT_EQ(quote_word("--reads=" + path), "--reads=%S/qemunit/vm1/100%%");
    EXPECT_EQ(quote_word(path + " a"), R"("%S/qemunit/vm1/100%% a")");
    EXPECT_EQ(escape_specifiers(path), "%S/qemunit/vm1/100%%");
    EXPECT_EQ(quote_path("-" + path), "-%S/qemunit/vm1/100%%");
    EXPECT_EQ(quote_path(path + ":"), R"("%S/qemunit/vm1/100%%\:")");
}

TEST(EscapeCredentialTest, KnowsCEscapesButNoSpecifiers) {
    EXPECT_EQ(escape_credential("secret"), "secret");
    EXPECT_EQ(escape_credential("a b\tc "), R"(a\x20b\tc\x20)");
    EXPECT_EQ(escape_credential("a\\n\\"), R"(a\\n\\)");
    EXPECT_EQ(escape_credential("100%n $A \"q\" 'p' a:b"), R"(100%n\x20$A\x20"q"\x20'p'\x20a:b)");
    EXPECT_EQ(escape_credential("ä"), "ä");
}

}  // namespace
}  // namespace qemunit::generator
