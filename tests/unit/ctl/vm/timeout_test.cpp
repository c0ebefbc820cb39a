// SPDX-License-Identifier: MIT
//
// What --timeout= takes.
#include "ctl/vm/timeout.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

TEST(TimeoutTest, Times) {
    EXPECT_EQ(parse_timeout("90").value_or(0), 90u);
    EXPECT_EQ(parse_timeout("90s").value_or(0), 90u);
    EXPECT_EQ(parse_timeout("2min").value_or(0), 120u);
    for (const char *text : {"", "0", "-1", "1h", "x", "99999999999"})
        EXPECT_FALSE(parse_timeout(text)) << text;
}

}  // namespace
}  // namespace qemunit::ctl
