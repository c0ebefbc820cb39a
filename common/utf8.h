// SPDX-License-Identifier: MIT
//
// Writing UTF-8, for those who take characters apart and put them together again.
#pragma once

#include <string>

namespace qemunit {

// `c` is a code point up to U+10FFFF (RFC 3629).
void append_utf8(std::string &text, char32_t c);

}  // namespace qemunit
