// SPDX-License-Identifier: MIT
//
// The state directory of a VM that does not exist yet: whether an earlier VM of that name has left
// something there, and the folder itself, for a disk that is copied into it. For `qemunitctl new`.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// "/var/lib/qemunit/vm1"; of a user, where the user's systemd has it.
Result<std::string> state_folder(const Invocation &invocation, const std::string &vm);

// The name of something in that folder, "" if there is nothing.
std::string left_in(const std::string &folder);

// Of its owner alone, with the folders above it.
Result<UniqueFd> make_state_folder(const std::string &folder);

}  // namespace qemunit::ctl
