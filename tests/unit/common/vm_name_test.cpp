// SPDX-License-Identifier: MIT
#include "common/vm_name.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(VmNameTest, LettersDigitsDotUnderscoreAndDash) {
    for (const char *name : {"a", "Z", "0", "vm1", "my-vm_2.test", "9lives", "a..b", "a-", "a."})
        EXPECT_TRUE(is_vm_name(name)) << name;
}

TEST(VmNameTest, NothingThatAPathOrAUnitNameGivesAMeaning) {
    for (std::string_view name : {"", ".", "..", ".a", "-a", "_a", "a b", "a/b", "a@b", "a:b",
                                  "a\\x2db", "a%i", "a$b", "ä", "a\n", "a,b", "a=b"})
        EXPECT_FALSE(is_vm_name(name)) << name;
    EXPECT_FALSE(is_vm_name(std::string_view("a\0b", 3)));
}

TEST(VmNameTest, AsLongAsAMachineName) {
    EXPECT_TRUE(is_vm_name(std::string(64, 'a')));
    EXPECT_FALSE(is_vm_name(std::string(65, 'a')));
}

TEST(DeviceNameTest, IsAQemuId) {
    for (const char *name : {"a", "root", "lan-0", "debug.2", "A_b"})
        EXPECT_TRUE(is_device_name(name)) << name;
    for (const char *name : {"", "0a", "_a", "-a", ".a", "a b", "a,b", "a:b", "a/b", "ä"})
        EXPECT_FALSE(is_device_name(name)) << name;
    EXPECT_TRUE(is_device_name(std::string(31, 'a')));
    EXPECT_FALSE(is_device_name(std::string(32, 'a')));
}

TEST(ServiceUnitTest, ThereAndBack) {
    for (const char *name : {"vm1", "a-b.c_d", "a.service", "qemu@x"}) {
        const std::string unit = service_unit(name);
        EXPECT_EQ(unit, std::string("qemu@") + name + ".service");
        if (is_vm_name(name))
            EXPECT_EQ(vm_of_service_unit(unit), name);
        else
            EXPECT_EQ(vm_of_service_unit(unit), std::nullopt);
    }
}

TEST(ServiceUnitTest, OtherUnitsAreNoVms) {
    for (const char *unit : {"", "qemu@", ".service", "qemu@.service", "qemu@vm1.socket",
                             "qemu@vm1.service.d", "xqemu@vm1.service", "qemu-monitor@vm1.service",
                             "qemu@my\\x2dvm.service", "qemu@-a.service", "qemu@a/b.service"})
        EXPECT_EQ(vm_of_service_unit(unit), std::nullopt) << unit;
}

}  // namespace
}  // namespace qemunit
