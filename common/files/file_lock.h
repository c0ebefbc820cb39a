// SPDX-License-Identifier: MIT
//
// A lock that one program holds against others of its kind, on a file. Whoever holds it may be
// killed: the kernel gives it back, as it does with the last descriptor.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

// Waits for as long as somebody else has the lock; EINTR when the time is up. Uses SIGALRM.
Result<> lock_within(int file, unsigned seconds);

// Creates the file if it is missing.
Result<UniqueFd> lock_file(const std::string &path, unsigned seconds);

// EWOULDBLOCK if somebody else has it.
Result<UniqueFd> try_lock_file(const std::string &path);

}  // namespace qemunit
