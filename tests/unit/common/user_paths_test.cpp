// SPDX-License-Identifier: MIT
//
// Where a user's VMs are, by the environment.
#include "common/user_paths.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace qemunit {
namespace {

// The environment as it was, when the test is over.
class UserPathsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (Variable &variable : variables) {
            if (const char *value = std::getenv(variable.name))
                variable.value = value;
            unsetenv(variable.name);
        }
    }
    void TearDown() override {
        for (const Variable &variable : variables) {
            if (variable.value.empty())
                unsetenv(variable.name);
            else
                setenv(variable.name, variable.value.c_str(), 1);
        }
    }

  private:
    struct Variable {
        const char *name;
        std::string value;
    };
    Variable variables[4] = {
        {"HOME", ""}, {"XDG_CONFIG_HOME", ""}, {"XDG_RUNTIME_DIR", ""}, {"STATE_DIRECTORY", ""}};
};

TEST_F(UserPathsTest, ByTheVariables) {
    setenv("HOME", "/home/joe", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1000/", 1);
    EXPECT_EQ(user_paths().config, "/home/joe/.config");
    EXPECT_EQ(user_paths().socket_path("vm1", "serial"), "/run/user/1000/qemunit/vm1/serial.sock");
    EXPECT_EQ(user_paths().generator_output(), "/run/user/1000/systemd/generator");
    setenv("XDG_CONFIG_HOME", "/srv/joe", 1);
    EXPECT_EQ(user_paths().config_dirs().front(), "/srv/joe/qemunit");
    setenv("XDG_CONFIG_HOME", "not/absolute", 1);
    EXPECT_EQ(user_paths().config, "/home/joe/.config");
    EXPECT_EQ(user_paths().systemctl(), "systemctl --user");
}

TEST_F(UserPathsTest, WithoutThem) {
    const passwd *me = getpwuid(getuid());
    ASSERT_NE(me, nullptr);
    EXPECT_EQ(user_paths().config, std::string(me->pw_dir) + "/.config");
    EXPECT_EQ(user_paths().runtime, "/run/user/" + std::to_string(getuid()));
}

TEST_F(UserPathsTest, TheStateDirectoryIsSystemdsToSay) {
    EXPECT_EQ(hibernation_path("vm1"), "/var/lib/qemunit/vm1/hibernated");
    setenv("STATE_DIRECTORY", "/home/joe/.config/qemunit/vm1:/home/joe/.config/other", 1);
    EXPECT_EQ(hibernation_path("vm1"), "/home/joe/.config/qemunit/vm1/hibernated");
    EXPECT_EQ(uefi_variables_path("vm1"), "/home/joe/.config/qemunit/vm1/uefi-variables.fd");
}

}  // namespace
}  // namespace qemunit
