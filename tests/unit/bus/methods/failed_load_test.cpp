// SPDX-License-Identifier: MIT
//
// The texts are those of QEMU 7.2 and 10.0.
#include "bus/methods/failed_load.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

TEST(FailedLoadTest, WhatQemuFindsOutBeforeItTouchesAnything) {
    for (const char *why : {"Device 'data' is writable but does not support snapshots",
                            "Snapshot 'x' does not exist in one or more devices",
                            "This is a disk-only snapshot. Revert to it  offline using qemu-img",
                            "No block device supports snapshots"})
        EXPECT_TRUE(has_touched_nothing(why)) << why;
}

// Also what nobody has ever heard of.
TEST(FailedLoadTest, AfterAnythingElseTheMachineMustNotRun) {
    for (const char *why :
         {"Error -22 while loading VM state", "Could not open VM state file",
          "Could not load snapshot 'x' on '#block123': Input/output error",
          "Could not load snapshot 'No block device supports snapshots' on 'a': x", "",
          "the moon is full"})
        EXPECT_FALSE(has_touched_nothing(why)) << why;
}

}  // namespace
}  // namespace qemunit::bus
