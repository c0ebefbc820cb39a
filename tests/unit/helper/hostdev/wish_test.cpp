// SPDX-License-Identifier: MIT
#include "helper/hostdev/wish.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

TEST(WishTest, IsReadAsItWasWritten) {
    const Wish wish{"vm1", "stick", {"1-2.3", true}, true};
    const auto read = parse_wish("vm1:stick", wish_text(wish));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->vm, "vm1");
    EXPECT_EQ(read->device, "stick");
    EXPECT_EQ(read->address.text, "1-2.3");
    EXPECT_TRUE(read->address.is_port);
    EXPECT_TRUE(read->force);
    EXPECT_FALSE(parse_wish("vm1", wish_text(wish)));
    for (const char *bad : {"", "1-2.3", "x\n\n", "\n\n"})
        EXPECT_FALSE(parse_wish("vm1:stick", bad)) << bad;
}

TEST(WishTest, AreKeptUntilTheyAreForgotten) {
    const testing::TemporaryFolder folder;
    const std::string path = folder.make_folder("run/qemunit-hostdev") + "/wishes";
    const Wishes wishes(folder.path());
    EXPECT_TRUE(wishes.all().empty());
    ASSERT_TRUE(wishes.keep({"vm1", "stick", {"046d:c52b", false}, false}));
    ASSERT_TRUE(wishes.keep({"vm2", "stick", {"1-1", true}, true}));
    ASSERT_EQ(wishes.all().size(), 2U);
    EXPECT_FALSE(wishes.all().front().force);
    EXPECT_TRUE(wishes.all().back().force);
    EXPECT_TRUE(wishes.has("vm1", "stick"));
    EXPECT_FALSE(wishes.has("vm1", "other"));
    wishes.forget("vm1", "stick");
    ASSERT_EQ(wishes.all().size(), 1U);
    wishes.forget("vm2", "stick");
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace qemunit::helper
