// SPDX-License-Identifier: MIT
//
// A folder that only root can change, unlike those in /tmp, for tests of what root opens.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace qemunit {

// Of the user "nobody", who stands for whoever has a folder in it.
inline constexpr uid_t kNobody = 65534;

class RootsFolderTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root has rights that others have not";
        std::string pattern = "/run/qemunit-test-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        root = pattern;
        ASSERT_EQ(chmod(root.c_str(), 0755), 0);
        fill();
    }
    void TearDown() override {
        if (!root.empty())
            std::filesystem::remove_all(root);
    }
    virtual void fill() = 0;

    std::string root;
};

}  // namespace qemunit
