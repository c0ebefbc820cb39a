// SPDX-License-Identifier: MIT
//
// A text that somebody else has written, for a place where no long one belongs. Pure.
#pragma once

#include <string>

namespace qemunit::helper {

// The first `at_most` bytes, and an ellipsis, if there are more; never half a character of UTF-8.
inline std::string shortened(const std::string &text, std::size_t at_most) {
    if (text.size() <= at_most)
        return text;
    std::size_t end = at_most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end) + "…";
}

}  // namespace qemunit::helper
