// SPDX-License-Identifier: MIT
#include "ctl/top/top_keys.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using KeyKind = TopKey::Kind;

std::vector<KeyKind> kinds_of(std::string bytes, bool is_all = false) {
    std::vector<KeyKind> kinds;
    for (const TopKey &key : take_keys(bytes, is_all))
        kinds.push_back(key.kind);
    return kinds;
}

TEST(TopKeysTest, Keys) {
    EXPECT_EQ(kinds_of("q\r\x7f"),
              (std::vector{KeyKind::character, KeyKind::enter, KeyKind::erase}));
    EXPECT_EQ(kinds_of("\x1b[A\x1bOB"), (std::vector{KeyKind::up, KeyKind::down}));
    EXPECT_EQ(kinds_of("\x1b[5~\x1b[6~\x1b[1~\x1b[F"),
              (std::vector{KeyKind::page_up, KeyKind::page_down, KeyKind::home, KeyKind::end}));
    EXPECT_EQ(kinds_of("\x1b[1;5C\x1b[200~"), (std::vector{KeyKind::other, KeyKind::other}));
}

TEST(TopKeysTest, ASequenceMayComeInPieces) {
    std::string bytes = "a\x1b[";
    EXPECT_EQ(take_keys(bytes, false).size(), 1u);
    EXPECT_EQ(bytes, "\x1b[");
    bytes += "A";
    EXPECT_EQ(take_keys(bytes, false).at(0).kind, KeyKind::up);
    EXPECT_EQ(bytes, "");
}

TEST(TopKeysTest, EscapeAlone) {
    EXPECT_TRUE(kinds_of("\x1b").empty());
    EXPECT_EQ(kinds_of("\x1b", true), std::vector{KeyKind::escape});
    EXPECT_EQ(kinds_of("\x1bq"), (std::vector{KeyKind::escape, KeyKind::character}));
    EXPECT_EQ(kinds_of("\x1b[" + std::string(100, '1')).front(), KeyKind::other);
}

}  // namespace
}  // namespace qemunit::ctl
