// SPDX-License-Identifier: MIT
//
// Whether a text is a regular expression that the companion can use. Called by parse_value();
// the generator never matches anything. Must not trust regcomp(3) with its memory.
#pragma once

#include <string>

namespace qemunit::generator {

// "", or what is wrong with the extended regular expression, as the end of a sentence.
std::string expression_fault(const std::string &expression);

}  // namespace qemunit::generator
