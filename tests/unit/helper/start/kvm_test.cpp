// SPDX-License-Identifier: MIT
//
// Whether KVM works is this machine's to say; that there is an answer is ours.
#include "helper/start/kvm.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/program.h"

namespace qemunit::helper {
namespace {

TEST(KvmTest, WorksOrSaysWhyNot) {
    const auto usable = check_kvm();
    EXPECT_TRUE(usable || !usable.error().message.empty());
}

TEST(KvmTest, SaysTheSameTwice) {
    EXPECT_EQ(check_kvm().has_value(), check_kvm().has_value());
}

TEST(KvmTest, ADeviceThatCannotBeOpened) {
    EXPECT_TRUE(testing::holds_in_child([] {
        const rlimit none{0, 0};  // no file can be opened
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
        const auto usable = check_kvm();
        ASSERT_FALSE(usable);
        EXPECT_TRUE(usable.error().message.starts_with("cannot open /dev/kvm: "))
            << usable.error().message;
    }));
}

}  // namespace
}  // namespace qemunit::helper
