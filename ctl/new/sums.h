// SPDX-License-Identifier: MIT
//
// Files of digests, as sha256sum(1) writes them with and without --tag, and files that hold nothing
// but one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::ctl {

// "sha256:…" of the file. A list with a single line is about that file, whatever its name there.
Result<std::string> digest_in(std::string_view sums, std::string_view file);

}  // namespace qemunit::ctl
