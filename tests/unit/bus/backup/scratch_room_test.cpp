// SPDX-License-Identifier: MIT
#include "bus/backup/scratch_room.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>

namespace qemunit::bus {
namespace {

TEST(ScratchRoomTest, CountsWhatIsNotTakenYet) {
    ScratchRoom room;
    EXPECT_EQ(room.promised(), 0u);
    auto first = room.promise();
    first->bytes = 1 << 20;
    const auto second = room.promise();
    second->bytes = 5;
    EXPECT_EQ(room.promised(), (1u << 20) + 5);
    first->files.emplace_back(memfd_create("scratch", MFD_CLOEXEC));
    const std::string written(1 << 16, 'x');
    ASSERT_EQ(pwrite(first->files[0].get(), written.data(), written.size(), 0), 1 << 16);
    EXPECT_EQ(room.promised(), (1u << 20) - (1u << 16) + 5);
    first.reset();
    EXPECT_EQ(room.promised(), 5u);
}

}  // namespace
}  // namespace qemunit::bus
