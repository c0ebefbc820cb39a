// SPDX-License-Identifier: MIT
//
// What becomes of the file with a machine's state.
#include "helper/handover/saved_state.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

class SavedStateTest : public ::testing::Test {
  protected:
    testing::TemporaryFolder folder;
    const SavedState saved{folder / "state"};
};

TEST_F(SavedStateTest, AStateThatIsRetiredIsNotOpenedAgain) {
    folder.write("state", "RAM");
    auto file = saved.open();
    ASSERT_TRUE(file);
    EXPECT_TRUE(*file);
    ASSERT_TRUE(saved.retire());
    EXPECT_FALSE(saved.exists());
    file = saved.open();
    ASSERT_TRUE(file);
    EXPECT_FALSE(*file);
    saved.remove_leftovers();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(SavedStateTest, WhereThereIsNoneItIsRetired) {
    EXPECT_TRUE(saved.retire());
    EXPECT_TRUE(SavedState(folder / "no such folder/state").retire());
}

TEST_F(SavedStateTest, OneThatCannotBeRetiredIsAnError) {
    folder.write("state", "RAM");
    folder.write("state.used/in the way", "");
    const auto retired = saved.retire();
    ASSERT_FALSE(retired);
    EXPECT_EQ(retired.error().message, "cannot rename " + folder / "state" + " to " +
                                           folder / "state.used" + ": Is a directory");
    EXPECT_TRUE(saved.exists());
}

// Whether there is one: "it cannot be told" is not "no".
TEST_F(SavedStateTest, OneThatCannotBeOpenedIsNotNone) {
    folder.write("elsewhere", "RAM");
    folder.link("state", folder / "elsewhere");
    const auto file = saved.open();
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message, "cannot open the saved state " + folder / "state" +
                                        ": Too many levels of symbolic links");
    EXPECT_TRUE(saved.exists());
    EXPECT_TRUE(SavedState(folder / "elsewhere/state").exists());
    ASSERT_TRUE(saved.retire());  // the link
    EXPECT_FALSE(saved.exists());
    EXPECT_EQ(folder.read("elsewhere"), "RAM");
}

TEST_F(SavedStateTest, WhatIsWrittenIsKeptInPlaceOfAnOlderOne) {
    folder.write("state", "old");
    folder.write("state.new", "new");
    ASSERT_TRUE(saved.keep());
    EXPECT_EQ(folder.read("state"), "new");
    EXPECT_FALSE(std::filesystem::exists(saved.unfinished()));
    EXPECT_TRUE(saved.keep());  // by somebody who was killed right after it
}

TEST_F(SavedStateTest, WhatIsNotThereIsNotKept) {
    EXPECT_FALSE(saved.keep());
}

// As of a VM that has no state directory, or whose disk is broken.
TEST_F(SavedStateTest, WhereNoneCanBeNoneIsInTheWay) {
    const auto retired = SavedState(folder / "no folder/state").retire();
    EXPECT_TRUE(retired) << retired.error().message;
}

TEST_F(SavedStateTest, OneWhoseGuestDidNotRunIsRestored) {
    folder.write("state", "RAM");
    ASSERT_TRUE(saved.retire());
    ASSERT_TRUE(saved.restore());
    EXPECT_EQ(folder.read("state"), "RAM");
}

TEST_F(SavedStateTest, AStateThatIsOfNoUseIsKept) {
    folder.write("state", "RAM");
    const auto name = saved.set_aside();
    ASSERT_TRUE(name);
    EXPECT_TRUE(name->starts_with(folder / "state.failed-2")) << *name;
    EXPECT_FALSE(saved.exists());
    EXPECT_TRUE(std::filesystem::exists(*name));
    const auto none = saved.set_aside();
    ASSERT_TRUE(none);
    EXPECT_EQ(*none, "");
}

TEST_F(SavedStateTest, LeftoversAreRemovedAndNothingElse) {
    for (const char *name : {"state", "state.new", "state.used", "state.failed-20261231-235959"})
        folder.write(name, "RAM");
    saved.remove_leftovers();
    EXPECT_EQ(folder.contents().size(), 2u);
    EXPECT_TRUE(saved.exists());
}

}  // namespace
}  // namespace qemunit::helper
