// SPDX-License-Identifier: MIT
#include "ctl/console/typed_text.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

std::string typed(std::string_view text) {
    const auto result = typed_text(text);
    return result ? *result : "error: " + result.error().message;
}

TEST(TypedTextTest, Escapes) {
    EXPECT_EQ(typed(""), "");
    EXPECT_EQ(typed("root\\n"), "root\n");
    EXPECT_EQ(typed("a\\r\\t\\b\\a\\e\\\\n"), "a\r\t\b\a\x1b\\n");
    EXPECT_EQ(typed("\\x03"), "\x03");
    EXPECT_EQ(typed("\\x41bc\\xfF"), "Abc\xff");
    EXPECT_EQ(typed("\\x00"), std::string(1, '\0'));
    EXPECT_EQ(typed("grüße 100%"), "grüße 100%");
}

TEST(TypedTextTest, WhatIsNoEscapeIsRefused) {
    const std::string known = "there are \\n \\r \\t \\b \\a \\e \\xHH, and \\\\ for a backslash";
    EXPECT_EQ(typed("\\d"), "error: '\\d' is no escape; " + known);
    EXPECT_EQ(typed("end\\"), "error: '\\' is no escape; " + known);
    EXPECT_EQ(typed("\\x3"), "error: '\\x3': two hexadecimal digits belong behind \\x");
    EXPECT_EQ(typed("\\x3g"), "error: '\\x3g': two hexadecimal digits belong behind \\x");
    EXPECT_EQ(typed("\\x"), "error: '\\x': two hexadecimal digits belong behind \\x");
}

}  // namespace
}  // namespace qemunit::ctl
