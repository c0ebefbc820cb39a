// SPDX-License-Identifier: MIT
//
// Files that are made once: whole or not at all, and never over one that is there.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit {

// Gives `temporary` its final name. If that is taken, the error's code is EEXIST.
Result<> publish(const std::string &temporary, const std::string &path);

// Copies `from` to `to` if there is no `to`; readable for its owner alone.
Result<> copy_once(const std::string &from, const std::string &to);

}  // namespace qemunit
