// SPDX-License-Identifier: MIT
#include "common/ascii.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

std::string all_of(bool (*is)(char)) {
    std::string found;
    for (int c = -128; c < 128; ++c)
        if (is(static_cast<char>(c)))
            found += static_cast<char>(c);
    return found;
}

TEST(AsciiTest, Classes) {
    const std::string digits = "0123456789", upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                      lower = "abcdefghijklmnopqrstuvwxyz";
    EXPECT_EQ(all_of(is_digit), digits);
    EXPECT_EQ(all_of(is_lower_letter), lower);
    EXPECT_EQ(all_of(is_letter), upper + lower);
    EXPECT_EQ(all_of(is_alphanumeric), digits + upper + lower);
    EXPECT_EQ(all_of([](char c) { return is_alphanumeric_or(c, "_-"); }),
              "-" + digits + upper + "_" + lower);
}

TEST(AsciiTest, ToLower) {
    EXPECT_EQ(to_lower("AZaz[@`{09\xc3\x84"), "azaz[@`{09\xc3\x84");
}

TEST(AsciiTest, DigitValue) {
    EXPECT_EQ(digit_value('0'), 0u);
    EXPECT_EQ(digit_value('9'), 9u);
    EXPECT_EQ(digit_value('a'), 10u);
    EXPECT_EQ(digit_value('F'), 15u);
    for (const char c : {'g', 'G', '/', ':', '@', '`', '\0', '\xff'})
        EXPECT_FALSE(digit_value(c)) << c;
}

}  // namespace
}  // namespace qemunit
