// SPDX-License-Identifier: MIT
//
// What a process could do to the file system, tried from inside its mount namespace and
// as its user. Not by a program run there: the sandbox would refuse to execute it.
#pragma once

#include <sys/types.h>

#include <string>

namespace qemunit::e2e {

// The errno of open(`path`, `flags`) in the place of process `pid`; 0: it can.
// Creates the file if `flags` say so.
int open_inside(pid_t pid, const std::string &path, int flags);

}  // namespace qemunit::e2e
