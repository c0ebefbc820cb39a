// SPDX-License-Identifier: MIT
#include "bus/vms/vm_state.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

TEST(VmStateTest, TheUnitDecidesUnlessItIsActive) {
    EXPECT_EQ(vm_state("inactive", ""), "off");
    EXPECT_EQ(vm_state("maintenance", ""), "off");
    EXPECT_EQ(vm_state("activating", ""), "starting");
    EXPECT_EQ(vm_state("deactivating", "running"), "stopping");
    EXPECT_EQ(vm_state("failed", "running"), "crashed");
    EXPECT_EQ(vm_state("novel", "running"), "novel");
}

TEST(VmStateTest, AVmThatDoesNotRunHasAReason) {
    for (const char *off : {"inactive", "maintenance"}) {
        EXPECT_EQ(vm_state(off, "", {.is_hibernated = true}), "hibernated");
        EXPECT_EQ(vm_state(off, "", {.is_broken = true}), "broken");
        EXPECT_EQ(vm_state(off, "", {.is_broken = true, .is_hibernated = true}), "broken");
    }
    EXPECT_EQ(vm_state("failed", "", {.is_broken = true}), "broken");
    EXPECT_EQ(vm_state("failed", "", {.is_hibernated = true}), "crashed");
    EXPECT_EQ(vm_state("active", "paused", {.is_broken = true, .is_hibernated = true}), "paused");
    EXPECT_EQ(vm_state("activating", "", {.is_broken = true}), "starting");
}

TEST(VmStateTest, QemuDecidesWhileTheUnitIsActive) {
    EXPECT_EQ(vm_state("active", ""), "running");
    EXPECT_EQ(vm_state("active", "running"), "running");
    EXPECT_EQ(vm_state("active", "paused"), "paused");
    EXPECT_EQ(vm_state("reloading", "paused"), "paused");
    EXPECT_EQ(vm_state("active", "prelaunch"), "paused");
    EXPECT_EQ(vm_state("active", "inmigrate"), "starting");
    EXPECT_EQ(vm_state("active", "guest-panicked"), "crashed");
    EXPECT_EQ(vm_state("active", "io-error"), "io-error");
    EXPECT_EQ(vm_state("active", "shutdown"), "shutdown");
}

TEST(VmStateTest, OnlyAUnitThatIsUpIsConnectedTo) {
    for (const char *up : {"active", "reloading", "refreshing", "deactivating"})
        EXPECT_TRUE(is_unit_up(up, false)) << up;
    for (const char *down : {"inactive", "failed", "maintenance", "", "novel"})
        EXPECT_FALSE(is_unit_up(down, true)) << down;
}

TEST(VmStateTest, AUnitThatStartsIsUpOnceItHasAProcess) {
    EXPECT_FALSE(is_unit_up("activating", false));
    EXPECT_TRUE(is_unit_up("activating", true));
}

}  // namespace
}  // namespace qemunit::bus
