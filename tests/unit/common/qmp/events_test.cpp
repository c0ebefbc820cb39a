// SPDX-License-Identifier: MIT
#include "common/qmp/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace qemunit {
namespace {

TEST(EventKindTest, EachEventIsThereOnce) {
    std::set<std::string_view> names;
    for (const EventKind &kind : event_kinds()) {
        EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
        EXPECT_EQ(find_event_kind(kind.name), &kind);
    }
    EXPECT_EQ(find_event_kind(""), nullptr);
    EXPECT_EQ(find_event_kind("stop"), nullptr);
    EXPECT_EQ(find_event_kind("OF_A_LATER_QEMU"), nullptr);
}

TEST(EventKindTest, ARowIsNoiseOrHasAnEntryOfOneKind) {
    for (const EventKind &kind : event_kinds()) {
        if (kind.is_noise) {
            EXPECT_TRUE(kind.message_id.empty() && kind.text.empty() && !kind.sentence &&
                        kind.status.empty() && !kind.status_from && !kind.moves_state)
                << kind.name;
            continue;
        }
        EXPECT_EQ(kind.message_id.size(), 32u) << kind.name;
        EXPECT_TRUE(std::ranges::all_of(kind.message_id, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        })) << kind.name;
        EXPECT_NE(kind.text.empty(), kind.sentence == nullptr) << kind.name;
        EXPECT_EQ(kind.priority == 0, kind.text.empty()) << kind.name;
        EXPECT_TRUE(kind.status.empty() || !kind.status_from) << kind.name;
    }
}

// Those of qapi/run-state.json and qapi/migration.json after which query-status may have another
// answer. What ends the machine is not among them: a QEMU that ends is asked nothing.
TEST(EventKindTest, WhatMovesTheState) {
    std::set<std::string_view> moving;
    for (const EventKind &kind : event_kinds())
        if (kind.moves_state)
            moving.insert(kind.name);
    EXPECT_EQ(moving, (std::set<std::string_view>{"GUEST_CRASHLOADED", "MIGRATION", "RESET",
                                                  "RESUME", "STOP", "SUSPEND", "WAKEUP"}));
}

}  // namespace
}  // namespace qemunit
