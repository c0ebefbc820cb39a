// SPDX-License-Identifier: MIT
//
// Which expressions are taken, and that none of them takes regcomp() minutes or gigabytes.
#include "common/console/regular_expression.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(RegularExpressionTest, WhatPeopleWrite) {
    for (const char *good :
         {"login:", "login: *$", "^guest# $", "Reached target (Multi-User|Graphical)", "[0-9]+",
          "([0-9]{1,3}\\.){3}[0-9]{1,3}", "a{2,}", "[]x]", "[^]x]", "[[:digit:][:space:]]+\\.",
          "[(]", "[\\1]", "\\\\1", "a|b|c", "ready.*(in|after) [0-9]+ s", "bereit für alles"})
        EXPECT_EQ(expression_fault(good), "") << good;
}

TEST(RegularExpressionTest, WhatRegcompSays) {
    const auto said = [](const std::string &what) {
        return "not an extended regular expression: " + what + ".";
    };
    EXPECT_EQ(expression_fault("(a"), said("Unmatched ( or \\("));
    EXPECT_EQ(expression_fault("[a"), said("Unmatched [, [^, [:, [., or [="));
    EXPECT_EQ(expression_fault("[[:nope:]]"), said("Invalid character class name"));
    EXPECT_EQ(expression_fault("[b-a]"), said("Invalid range end"));
    EXPECT_EQ(expression_fault("a\\"), said("Trailing backslash"));
    EXPECT_EQ(expression_fault("a{3,2}"), said("Invalid content of \\{\\}"));
}

TEST(RegularExpressionTest, TooMuch) {
    EXPECT_EQ(expression_fault(""), "the regular expression is empty, which every line matches.");
    EXPECT_EQ(expression_fault(std::string(501, 'a')),
              "a regular expression of more than 500 bytes.");
    EXPECT_EQ(expression_fault(std::string(500, 'a')), "");
    for (const char *bad :
         {"a{1000}{1000}", "((a{100}b){100}c){100}", "a++++++++++++++++++++++++++++++++",
          "(((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+", "a{99999999999999999999}", "[(]{9999}",
          "(a{50}){50}", "\\({9999}", "a{0,32767}"})
        EXPECT_EQ(expression_fault(bad), "a regular expression that repeats too much.") << bad;
    EXPECT_NE(expression_fault(std::string(250, '(')), "");
    EXPECT_EQ(expression_fault(std::string(250, '(') + std::string(250, ')')), "");
}

TEST(RegularExpressionTest, BackReferences) {
    for (const char *bad : {"(a*)\\1", "(a)(b)\\2", "\\\\\\1"})
        EXPECT_EQ(expression_fault(bad),
                  "a back reference; extended regular expressions have none.")
            << bad;
}

}  // namespace
}  // namespace qemunit
