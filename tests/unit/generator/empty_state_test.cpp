// SPDX-License-Identifier: MIT
#include "generator/empty_state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

namespace qemunit::generator {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kHour = 3'600'000'000;

TEST(EmptyStateTest, OnlyWhatTheStartHasMadeAndNothingIsIn) {
    std::string folder = fs::temp_directory_path() / "empty-state-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const auto now = static_cast<uint64_t>(time(nullptr)) * 1'000'000;
    EXPECT_FALSE(remove_if_made_in({}, folder));
    EXPECT_FALSE(remove_if_made_in({now + kHour, now + 2 * kHour}, folder));
    EXPECT_FALSE(remove_if_made_in({now - 2 * kHour, now - kHour}, folder));
    std::ofstream(folder + "/file").close();
    EXPECT_FALSE(remove_if_made_in({now - kHour, now + kHour}, folder));
    fs::remove(folder + "/file");
    EXPECT_TRUE(remove_if_made_in({now - kHour, now + kHour}, folder));
    EXPECT_FALSE(fs::exists(folder));
}

TEST(EmptyStateTest, ThisStartIsThatOfTheProcess) {
    const Period start = this_start();
    EXPECT_GT(start.begin, 0u);
    EXPECT_LE(start.begin, start.end);
    EXPECT_LT(start.end - start.begin, kHour);
}

}  // namespace
}  // namespace qemunit::generator
