// SPDX-License-Identifier: MIT
//
// A process that has no descriptor left, as long as one of these lives.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace qemunit::testing {

class NoDescriptorLeft {
  public:
    NoDescriptorLeft() {
        EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
        // Above the limit, what is open stays so; and the lowest free one is at least this.
        const int free = dup(STDERR_FILENO);
        EXPECT_GE(free, 0);
        close(free);
        rlimit limit = before_;
        limit.rlim_cur = static_cast<rlim_t>(free);
        EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    ~NoDescriptorLeft() { setrlimit(RLIMIT_NOFILE, &before_); }
    NoDescriptorLeft(const NoDescriptorLeft &) = delete;
    NoDescriptorLeft &operator=(const NoDescriptorLeft &) = delete;

  private:
    rlimit before_{};
};

}  // namespace qemunit::testing
