// SPDX-License-Identifier: MIT
#include "generator/units/passwords.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using Contents = std::map<std::string, std::string>;

TEST(PasswordsTest, AreForTheirOwnerAlone) {
    const testing::TemporaryFolder folder;
    const Passwords passwords(folder / "generator/passwords");
    Vm vm;
    vm.name = "vm1";
    EXPECT_TRUE(passwords.keep(vm));
    EXPECT_EQ(folder.contents(), Contents{});  // nothing for a VM without one

    vm.cloud_init.password = PasswordHash{"$6$a$b"};
    ASSERT_TRUE(passwords.keep(vm));
    vm.cloud_init.password = PasswordHash{"$6$a$c"};
    ASSERT_TRUE(passwords.keep(vm));
    EXPECT_EQ(folder.read("generator/passwords/vm1"), "$6$a$c");
    for (const auto &[path, mode] :
         {std::pair("generator", 0700u), std::pair("generator/passwords", 0700u),
          std::pair("generator/passwords/vm1", 0600u)}) {
        struct stat status {};
        ASSERT_EQ(stat((folder / path).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, mode) << path;
    }
    vm.cloud_init.password.reset();
    EXPECT_TRUE(passwords.keep(vm));
    EXPECT_FALSE(std::filesystem::exists(folder / "generator/passwords/vm1"));
}

TEST(PasswordsTest, GoWithTheirVms) {
    const testing::TemporaryFolder folder;
    for (const char *name : {"a", "b", ".c"})
        folder.write(std::string("passwords/") + name, "x");
    const Passwords passwords(folder / "passwords");
    VmSource source;
    source.name = "b";
    passwords.forget_others({source});
    EXPECT_EQ(folder.contents().size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(folder / "passwords/b"));
    Passwords(folder / "missing").forget_others({});
}

}  // namespace
}  // namespace qemunit::generator
