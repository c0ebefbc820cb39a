// SPDX-License-Identifier: MIT
//
// A text that somebody else has written, for a place where no long one belongs. Pure.
#pragma once

#include <string>

#include "common/utf8.h"

namespace qemunit {

// The first `at_most` bytes, and an ellipsis, if there are more; never half a character of UTF-8.
inline std::string shortened(const std::string &text, std::size_t at_most) {
    if (text.size() <= at_most)
        return text;
    return std::string(whole_characters(text, at_most)) + "…";
}

}  // namespace qemunit
