// SPDX-License-Identifier: MIT
//
// How a program with root's rights opens a path that an ini file names, where somebody with fewer
// rights may own a folder on the way. For programs that are root: they never open a file that this
// somebody has chosen.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/files/account.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

struct FoundPath {
    UniqueFd fd;         // O_PATH
    bool is_only_roots;  // nobody but root can make the path lead to something else
    uid_t folder_owner;  // of the folder that it is in
};

// What `path`, which is absolute, leads to. A link is followed where only root can have made it:
// all folders up to it belong to root, and nobody else may write there. Below a folder that
// somebody else can change, nothing but real folders is gone through (ELOOP), so that its owner
// cannot lead out of it.
Result<FoundPath> find_path(const std::string &path);

// Finds a path and opens the file: with the rights of this process if only root could have put the
// file there, otherwise with the rights of `account`, who could have put the file there; also where
// even root may not, on a network file system.
Result<UniqueFd> open_for(const Account &account, const std::string &path, int flags);

// Opens once more what an O_PATH descriptor stands for, with the rights that this thread has.
UniqueFd reopen(const UniqueFd &fd, int flags);

}  // namespace qemunit
