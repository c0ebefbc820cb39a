// SPDX-License-Identifier: MIT
//
// A user of this machine, and how root opens files with no more than that user's rights.
// For the programs that run as root on behalf of a VM.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit {

struct Account {
    std::string name;  // or number, as the caller of find_account() gave it
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  // with gid
};

// By name or number. A number that nobody has is an account all the same, as in User=.
Result<Account> find_account(const std::string &name);

// While this object lives, this thread's access to files is that of the account (setfsuid(2)). A
// process that is not root keeps its own rights.
class ActingAs {
  public:
    static Result<ActingAs> begin(const Account &account);
    ActingAs(ActingAs &&other) noexcept;
    ActingAs &operator=(ActingAs &&) = delete;
    ActingAs(const ActingAs &) = delete;
    ActingAs &operator=(const ActingAs &) = delete;
    ~ActingAs();

  private:
    ActingAs() = default;
    bool is_acting_ = false;
    std::vector<gid_t> own_groups_;
};

}  // namespace qemunit
