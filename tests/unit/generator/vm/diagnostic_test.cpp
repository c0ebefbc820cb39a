// SPDX-License-Identifier: MIT
#include "generator/vm/diagnostic.h"

#include <gtest/gtest.h>

namespace qemunit::generator {
namespace {

TEST(DiagnosticTest, PathLineMessage) {
    EXPECT_EQ(to_string({{"/etc/a.ini", 3}, Severity::error, "No."}), "/etc/a.ini:3: No.");
    EXPECT_EQ(to_string({{"/etc/a.ini", 0}, Severity::error, "No."}), "/etc/a.ini: No.");
    EXPECT_EQ(to_string({{}, Severity::error, "No."}), "No.");
}

TEST(DiagnosticTest, WarningsAreNoErrors) {
    EXPECT_FALSE(has_errors({}));
    EXPECT_FALSE(has_errors({{{}, Severity::warning, "a"}, {{}, Severity::warning, "b"}}));
    EXPECT_TRUE(has_errors({{{}, Severity::warning, "a"}, {{}, Severity::error, "b"}}));
}

}  // namespace
}  // namespace qemunit::generator
