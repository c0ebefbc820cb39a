// SPDX-License-Identifier: MIT
//
// A question to the person at the terminal. For the verbs that delete or overwrite something: where
// nobody can be asked, they do not.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::ctl {

bool can_ask();

// The terminal is gone, or its user is (Ctrl-D).
inline constexpr char kNoAnswer = '\x04';

// The first letter of the answer, in lower case; '\0' for an empty one.
char ask(std::string_view question);

}  // namespace qemunit::ctl
