// SPDX-License-Identifier: MIT
//
// A file of the caller's, or of root's, as a text: inis, modules, what a program has written. Not
// for files that a VM's user may have put somewhere.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::ctl {

// The error names the path.
Result<std::string> read_whole(const std::string &path);

}  // namespace qemunit::ctl
