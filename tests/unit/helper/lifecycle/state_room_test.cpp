// SPDX-License-Identifier: MIT
//
// How much room a saved state may need.
#include "helper/lifecycle/state_room.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

TEST(StateRoomTest, MemoryIsWhatAProcessHasFilled) {
    EXPECT_EQ(filled_memory("Name:\tqemu 7\nVmPeak:\t 9000 kB\nVmRSS:\t 100 kB\nVmSwap:\t 20 kB\n"
                            "HugetlbPages:\t 3 kB\n"),
              123u * 1024);
    EXPECT_EQ(filled_memory(""), 0u);
    EXPECT_EQ(filled_memory("VmRSS:\nVmSwap"), 0u);
}

TEST(StateRoomTest, WhatIsTooLargeForTheDiskIsRefused) {
    testing::TemporaryFolder folder;
    const std::string file = folder / "state";
    EXPECT_TRUE(check_room_for_state(file, 1 << 20, -1));
    EXPECT_TRUE(check_room_for_state(file, 0, -1));  // nobody knows
    const auto room = check_room_for_state(file, uint64_t{1} << 62, -1);
    ASSERT_FALSE(room);
    EXPECT_EQ(room.error().message.find("the machine's state may need 44"), 0u)
        << room.error().message;
    EXPECT_NE(room.error().message.find(" MiB, and " + folder.path() + "/ has "), std::string::npos)
        << room.error().message;
}

// A machine with a lot of RAM that its guest has never touched.
TEST(StateRoomTest, UntouchedMemoryTakesNoRoom) {
    testing::TemporaryFolder folder;
    EXPECT_TRUE(check_room_for_state(folder / "state", uint64_t{1} << 62, getpid()));
}

}  // namespace
}  // namespace qemunit::helper
