// SPDX-License-Identifier: MIT
#include "common/whole_number.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(WholeNumberTest, AllOfTheText) {
    EXPECT_EQ(whole_number("0"), 0u);
    EXPECT_EQ(whole_number("007"), 7u);
    EXPECT_EQ(whole_number("18446744073709551615"), UINT64_MAX);
    for (const char *text :
         {"", " 1", "1 ", "1s", "x", "+1", "-1", "-0", "0x1", "1.0", "18446744073709551616"})
        EXPECT_FALSE(whole_number(text)) << text;
}

TEST(WholeNumberTest, TheTypeBoundsIt) {
    EXPECT_EQ(whole_number<uint8_t>("255"), 255);
    EXPECT_FALSE(whole_number<uint8_t>("256"));
    EXPECT_EQ(whole_number<int>("2147483647"), 2147483647);
    EXPECT_FALSE(whole_number<int>("2147483648"));
    EXPECT_FALSE(whole_number<int>("-1"));
}

TEST(WholeNumberTest, BoundsOfItsOwn) {
    const auto port = [](std::string_view text) {
        return whole_number<unsigned>(text, {.least = 1, .most = 65535});
    };
    EXPECT_EQ(port("1"), 1u);
    EXPECT_EQ(port("65535"), 65535u);
    EXPECT_FALSE(port("0"));
    EXPECT_FALSE(port("65536"));
}

TEST(WholeNumberTest, OtherBases) {
    EXPECT_EQ(whole_number<unsigned>("fF", {.base = 16}), 255u);
    EXPECT_EQ(whole_number<unsigned>("777", {.base = 8}), 0777u);
    EXPECT_FALSE(whole_number<unsigned>("8", {.base = 8}));
    EXPECT_FALSE(whole_number<unsigned>("0xff", {.base = 16}));
}

}  // namespace
}  // namespace qemunit
