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

}  // namespace
}  // namespace qemunit
