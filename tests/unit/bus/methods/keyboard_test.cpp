// SPDX-License-Identifier: MIT
#include "bus/methods/keyboard.h"

#include <gtest/gtest.h>

#include <set>

#include "bus/methods/key_names.h"

namespace qemunit::bus {
namespace {

using Chords = std::vector<Chord>;

TEST(KeyboardTest, ATextIsKeysWithShift) {
    EXPECT_EQ(chords_of("aB 1!\n\t", Layout::us),
              (Chords{{"a"}, {"shift", "b"}, {"spc"}, {"1"}, {"shift", "1"}, {"ret"}, {"tab"}}));
    EXPECT_EQ(chords_of("", Layout::us), Chords{});
}

TEST(KeyboardTest, AUsKeyboardHasAllOfAscii) {
    std::set<Chord> seen;
    for (char c = ' '; c <= '~'; ++c) {
        const auto chords = chords_of(std::string(1, c), Layout::us);
        ASSERT_TRUE(chords) << chords.error();
        ASSERT_EQ(chords->size(), 1u) << c;
        EXPECT_TRUE(seen.insert(chords->front()).second) << c;
    }
}

TEST(KeyboardTest, AGermanKeyboardHasAllOfAsciiAndUmlauts) {
    std::set<Chords> seen;
    for (char c = ' '; c <= '~'; ++c) {
        const auto chords = chords_of(std::string(1, c), Layout::de);
        ASSERT_TRUE(chords) << chords.error();
        EXPECT_TRUE(seen.insert(*chords).second) << c;
    }
    EXPECT_EQ(chords_of("zY@\u00e4\u00dc\u00df\u20ac", Layout::de),
              (Chords{{"y"},
                      {"shift", "z"},
                      {"alt_r", "q"},
                      {"apostrophe"},
                      {"shift", "bracket_left"},
                      {"minus"},
                      {"alt_r", "e"}}));
    EXPECT_EQ(chords_of("^`", Layout::de),
              (Chords{{"grave_accent"}, {"spc"}, {"shift", "equal"}, {"spc"}}));
}

TEST(KeyboardTest, EveryKeyOfALayoutExists) {
    for (Layout layout : {Layout::us, Layout::de})
        for (char c = ' '; c <= '~'; ++c) {
            const Chords chords = chords_of(std::string(1, c), layout).value_or(Chords{});
            EXPECT_FALSE(chords.empty()) << c;
            for (const Chord &chord : chords)
                for (const std::string &key : chord)
                    EXPECT_EQ(key_fault(key), "") << key;
        }
    for (const KeyAlias &alias : kKeyAliases)
        EXPECT_EQ(key_fault(alias.name), "") << alias.name;
}

TEST(KeyboardTest, WhatIsNotThereIsNamed) {
    EXPECT_EQ(chords_of("ab\u00e9", Layout::us).error(),
              "Character 3 of the text, '\u00e9' (U+00E9), is not on a keyboard with the layout "
              "'en-us'");
    EXPECT_EQ(chords_of("\r", Layout::us).error(),
              "Character 1 of the text, U+000D, is not on a keyboard with the layout 'en-us'");
    EXPECT_EQ(
        chords_of("\U0001f600", Layout::de).error(),
        "Character 1 of the text, '\U0001f600' (U+1F600), is not on a keyboard with the layout "
        "'de'");
}

TEST(KeyboardTest, Layouts) {
    EXPECT_EQ(layout_of(""), Layout::us);
    EXPECT_EQ(layout_of("en-us"), Layout::us);
    EXPECT_EQ(layout_of("de"), Layout::de);
    EXPECT_FALSE(layout_of("fr"));
}

TEST(KeyboardTest, AnUnknownKeyIsNamedWithWhatWasMeant) {
    EXPECT_EQ(key_fault("ctrl"), "");
    EXPECT_EQ(key_fault("enter"), "There is no key 'enter'. Did you mean 'ret'?");
    EXPECT_EQ(key_fault("F1"), "There is no key 'F1'. Did you mean 'f1'?");
    EXPECT_EQ(key_fault("bananas"), "There is no key 'bananas'.");
}

}  // namespace
}  // namespace qemunit::bus
