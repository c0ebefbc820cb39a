// SPDX-License-Identifier: MIT
#include "generator/vm/vm_user.h"

#include <gtest/gtest.h>

#include <set>

namespace qemunit::generator {
namespace {

constexpr std::size_t kLongest = 31;

TEST(VmUserTest, AShortNameIsInIt) {
    EXPECT_EQ(vm_user("web"), "qemu-web");
    EXPECT_EQ(vm_user("a_b-C0"), "qemu-a_b-C0");
    const std::string name(26, 'n');
    EXPECT_EQ(vm_user(name), "qemu-" + name);
    EXPECT_EQ(vm_user(name).size(), kLongest);
    EXPECT_TRUE(is_user_of_template(name));
}

// What systemd takes no user by: valid_user_group_name() in its user-util.c.
TEST(VmUserTest, AHashOfOthersIs) {
    std::set<std::string> users;
    for (const std::string &vm :
         {std::string("web.example"), std::string("web.example2"), std::string("."),
          std::string(27, 'n'), std::string(64, 'n'), std::string(63, 'n')}) {
        const std::string user = vm_user(vm);
        EXPECT_FALSE(is_user_of_template(vm));
        EXPECT_EQ(user.size(), 30u) << user;
        EXPECT_EQ(user.find_first_not_of("qemu-_0123456789abcdef"), user.npos) << user;
        EXPECT_TRUE(user.starts_with("qemu-_")) << user;
        EXPECT_TRUE(users.insert(user).second) << user;
    }
    // It is the same on each host, and stays so.
    EXPECT_EQ(vm_user("web.example"), "qemu-_17f7f5bc2816ff1125674628");
}

}  // namespace
}  // namespace qemunit::generator
