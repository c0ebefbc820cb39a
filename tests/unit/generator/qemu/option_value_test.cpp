// SPDX-License-Identifier: MIT
#include "generator/qemu/option_value.h"

#include <gtest/gtest.h>

#include "tests/unit/random_text.h"

namespace qemunit::generator {
namespace {

TEST(OptionValueTest, CommasAreDoubledAndNothingElse) {
    EXPECT_EQ(double_commas(""), "");
    EXPECT_EQ(double_commas("a"), "a");
    EXPECT_EQ(double_commas(","), ",,");
    EXPECT_EQ(double_commas("a,b,,c"), "a,,b,,,,c");
    EXPECT_EQ(double_commas("a=b\\\"';:% $\n"), "a=b\\\"';:% $\n");
}

TEST(OptionValueTest, IsBuiltInOrder) {
    EXPECT_EQ(OptionValue("nvme").add("serial", "x").add("id", "y").text(), "nvme,serial=x,id=y");
    EXPECT_EQ(OptionValue().add("if", "none").add("file", "/a,b").text(), "if=none,file=/a,,b");
    EXPECT_EQ(OptionValue("VGA").text(), "VGA");
    EXPECT_EQ(OptionValue().text(), "");
}

// QEMU's get_opt_value(): up to the first comma that is not doubled.
std::string read_back(std::string_view text) {
    std::string value;
    for (std::size_t i = 0; i < text.size() && (text[i] != ',' || text[++i] == ','); ++i)
        value += text[i];
    return value;
}

TEST(OptionValueTest, QemuReadsBackAnyValue) {
    testing::RandomText random(4);
    for (int i = 0; i < 2000; ++i) {
        const std::string value = random.word();
        const std::string text = OptionValue().add("file", value).add("format", "raw").text();
        EXPECT_EQ(read_back(text.substr(5)), value);
    }
}

}  // namespace
}  // namespace qemunit::generator
