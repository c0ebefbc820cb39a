// SPDX-License-Identifier: MIT
//
// A text with the escapes of C, as a person writes in a shell what shall be typed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::ctl {

// "root\\n" -> "root\n". The error says which escapes there are.
Result<std::string> typed_text(std::string_view text);

}  // namespace qemunit::ctl
