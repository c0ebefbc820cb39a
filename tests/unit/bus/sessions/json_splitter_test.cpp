// SPDX-License-Identifier: MIT
#include "bus/sessions/json_splitter.h"

#include <gtest/gtest.h>

#include <vector>

namespace qemunit::bus {
namespace {

using Texts = std::vector<std::string>;

// In pieces of that many bytes.
Texts split(std::string_view stream, std::size_t piece) {
    JsonSplitter splitter;
    Texts values;
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
        splitter.take(stream.substr(0, piece));
        while (auto value = splitter.next())
            values.push_back(*value);
    }
    return values;
}

void expect_split(std::string_view stream, const Texts &values) {
    for (std::size_t piece : {1u, 2u, 3u, 7u, 1000u})
        EXPECT_EQ(split(stream, piece), values) << stream << " by " << piece;
}

TEST(JsonSplitterTest, WithAnythingOrNothingBetween) {
    expect_split(R"({"a":1}{"b":[2,{}]})", {R"({"a":1})", R"({"b":[2,{}]})"});
    expect_split("\r\n {\"a\":\n1}\r\n\t[2]\n", {"{\"a\":\n1}", "[2]"});
    expect_split("", {});
}

TEST(JsonSplitterTest, BracketsInStringsAreText) {
    expect_split(R"({"}":"{\"]\\"}{})", {R"({"}":"{\"]\\"})", "{}"});
    expect_split(R"("{" {})", {R"("{")", "{}"});
}

TEST(JsonSplitterTest, WhatIsNoValueEndsWhereTheNextBegins) {
    expect_split("foo {} 12[1]x\"s\" ", {"foo", "{}", "12", "[1]", "x", "\"s\""});
    expect_split("}{]{}", {"}", "{]", "{}"});
}

TEST(JsonSplitterTest, AByteBeginsAnew) {
    expect_split("{\"execute\": \"x\xff{}", {"{\"execute\": \"x\xff", "{}"});
    expect_split("\xff\n{}", {"\xff", "{}"});
}

TEST(JsonSplitterTest, TellsWhatItKeeps) {
    JsonSplitter splitter;
    splitter.take("  {} {\"a\"");
    EXPECT_EQ(splitter.next(), "{}");
    EXPECT_EQ(splitter.next(), std::nullopt);
    EXPECT_EQ(splitter.size(), 4u);
}

}  // namespace
}  // namespace qemunit::bus
