// SPDX-License-Identifier: MIT
#include "ctl/verbs/snapshots.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

TEST(SnapshotsTest, TheNewestOfItsOwnAreKept) {
    const std::vector<Snapshot> snapshots{{"auto-20260103-000000-000000", 1, 3},
                                          {"clean", 1, 0},
                                          {"auto-20260101-000000-000000", 1, 1},
                                          {"auto-20260102-000000-000000", 1, 2}};
    EXPECT_EQ(to_be_rotated_out(snapshots, 2),
              std::vector<std::string>{"auto-20260101-000000-000000"});
    EXPECT_EQ(to_be_rotated_out(snapshots, 3), std::vector<std::string>{});
    EXPECT_EQ(to_be_rotated_out({}, 1), std::vector<std::string>{});
}

}  // namespace
}  // namespace qemunit::ctl
