// SPDX-License-Identifier: MIT
//
// A text of which a part is known.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace qemunit::e2e {

inline void expect_contains(const std::string &text, const std::string &part) {
    EXPECT_NE(text.find(part), std::string::npos) << "not there: " << part << "\nin: " << text;
}

}  // namespace qemunit::e2e
