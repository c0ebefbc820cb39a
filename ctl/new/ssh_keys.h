// SPDX-License-Identifier: MIT
//
// The public ssh keys of who calls, for the guest's first boot. For `qemunitctl new`.
// Prints nothing of a file but lines that are keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/files/account.h"
#include "common/result.h"

namespace qemunit::ctl {

// All keys of the file, or what is wrong with it. "-" is standard input.
Result<std::vector<std::string>> read_keys(const std::string &path);

struct Caller {
    std::string name, home;
    std::optional<Account> account;  // of who called sudo(8)
};
// Who called: behind sudo, the person.
Caller find_caller();

// Those of ~/.ssh/*.pub. Other files there are passed over, and so is what the caller may not read.
std::vector<std::string> keys_of(const Caller &caller);

}  // namespace qemunit::ctl
