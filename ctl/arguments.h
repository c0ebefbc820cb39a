// SPDX-License-Identifier: MIT
//
// qemunitctl's command line, taken apart and checked against the table of verbs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// The words behind the program's name.
Result<Invocation> parse_invocation(const std::vector<std::string> &words);

std::string help_text();
// The verbs that begin with this word.
std::string help_text(std::string_view group);
// With the options that are its own.
std::string help_text(const Verb &verb);

}  // namespace qemunit::ctl
