// SPDX-License-Identifier: MIT
//
// UTF-8, for those who take characters apart and put them together again.
#pragma once

#include <string>
#include <string_view>

namespace qemunit {

// `c` is a code point up to U+10FFFF (RFC 3629).
void append_utf8(std::string &text, char32_t c);

// `text` is valid, as all text on D-Bus is. A broken end is left out.
std::u32string decode_utf8(std::string_view text);

}  // namespace qemunit
