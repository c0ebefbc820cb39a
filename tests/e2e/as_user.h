// SPDX-License-Identifier: MIT
//
// The test as another user, for connections that are made meanwhile: those keep it.
#pragma once

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

namespace qemunit::e2e {

class AsUser {
  public:
    explicit AsUser(const char *name) {
        const passwd *user = getpwnam(name);
        EXPECT_TRUE(user && seteuid(user->pw_uid) == 0) << name;
    }
    ~AsUser() { EXPECT_EQ(seteuid(0), 0); }
    AsUser(const AsUser &) = delete;
    AsUser &operator=(const AsUser &) = delete;
};

}  // namespace qemunit::e2e
