// SPDX-License-Identifier: MIT
#include "generator/check/child_user.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

class ChildUserTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root can become somebody else";
    }
    std::string file(const std::string &name, mode_t mode) {
        const std::string path = folder.write(name, "");
        EXPECT_EQ(chmod(path.c_str(), mode), 0);
        return path;
    }
    testing::TemporaryFolder folder;
};

TEST_F(ChildUserTest, TheFilesOwnModeCounts) {
    const auto yes = std::optional(true), no = std::optional(false);
    EXPECT_EQ(may_open(file("a", 0644), false, "nobody"), yes);
    EXPECT_EQ(may_open(file("a", 0644), true, "nobody"), no);
    EXPECT_EQ(may_open(file("b", 0600), false, "nobody"), no);
    EXPECT_EQ(may_open(file("b", 0600), true, "root"), yes);
    EXPECT_EQ(may_open(file("c", 0666), true, "65534"), yes);
    // The folders on the way are no matter: systemd mounts the file.
    const std::string inner = file("private/d", 0666);
    ASSERT_EQ(chmod((folder / "private").c_str(), 0700), 0);
    EXPECT_EQ(may_open(inner, true, "nobody"), yes);
}

TEST_F(ChildUserTest, WhatCannotBeToldIsNotSaid) {
    EXPECT_EQ(may_open(folder / "gone", false, "nobody"), std::nullopt);
    EXPECT_EQ(may_open(file("a", 0600), false, "no such user"), std::nullopt);
}

TEST_F(ChildUserTest, AProgramRunsAsThatUser) {
    EXPECT_EQ(output_of({"/usr/bin/id", "-un"}, "nobody"), "nobody\n");
    EXPECT_EQ(output_of({"/usr/bin/id", "-Gn"}, "nobody"), "nogroup\n");
    EXPECT_EQ(output_of({"/bin/false"}, "nobody"), std::nullopt);
    EXPECT_EQ(output_of({"/no/such/program"}, "nobody"), std::nullopt);
    EXPECT_EQ(output_of({"/usr/bin/yes"}, "nobody"), std::nullopt);
}

}  // namespace
}  // namespace qemunit::generator
