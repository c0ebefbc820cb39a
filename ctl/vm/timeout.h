// SPDX-License-Identifier: MIT
//
// The value of --timeout=. Pure.
#pragma once

#include <string_view>

#include "common/result.h"

namespace qemunit::ctl {

// Seconds, with or without "s", or minutes with "min".
Result<unsigned> parse_timeout(std::string_view text);

}  // namespace qemunit::ctl
