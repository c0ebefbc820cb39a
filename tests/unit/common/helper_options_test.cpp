// SPDX-License-Identifier: MIT
#include "common/helper_options.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

using namespace helper_option;

TEST(HelperOptionNamesTest, AWordWithAValue) {
    EXPECT_EQ(with_value(kVm, "vm1"), "--vm=vm1");
    EXPECT_EQ(with_value(kReads, "/a=b"), "--reads=/a=b");
    EXPECT_TRUE(takes_value("--stop=quit", kStop));
    EXPECT_TRUE(takes_value("--stop=", kStop));
    EXPECT_FALSE(takes_value("--stop", kStop));
    EXPECT_FALSE(takes_value("--stop-timeout=1", kStop));
    EXPECT_FALSE(takes_value("--sto", kStop));
    EXPECT_EQ(value_of("--reads=/a=b"), "/a=b");
    EXPECT_EQ(value_of("--reads="), "");
}

}  // namespace
}  // namespace qemunit
