// SPDX-License-Identifier: MIT
//
// What becomes of the file with a machine's state.
#include "helper/saved_state.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

TEST(SavedStateTest, AStateThatWasUsedIsNotOpenedAgain) {
    testing::TemporaryFolder folder;
    const SavedState saved(folder / "state");
    EXPECT_FALSE(saved.open());
    folder.write("state", "RAM");
    EXPECT_TRUE(saved.open());
    saved.mark_used();
    EXPECT_FALSE(saved.open());
    saved.remove();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SavedStateTest, AStateThatIsOfNoUseIsKept) {
    testing::TemporaryFolder folder;
    const SavedState saved(folder / "state");
    folder.write("state", "RAM");
    const std::string name = saved.set_aside();
    EXPECT_TRUE(name.starts_with(folder / "state.failed-2")) << name;
    EXPECT_FALSE(saved.open());
    EXPECT_TRUE(std::filesystem::exists(name));
}

}  // namespace
}  // namespace qemunit
