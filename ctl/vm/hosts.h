// SPDX-License-Identifier: MIT
//
// Names of other machines, as ssh(1) takes them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

// One, which ssh does not take for an option.
Result<std::string> parse_host(std::string_view host);
// "host1,host2", each once.
Result<std::vector<std::string>> parse_hosts(std::string_view text);
// A file with a host on each line; "#" begins a comment. `path` is for errors.
Result<std::vector<std::string>> parse_hosts_file(std::string_view text, const std::string &path);

}  // namespace qemunit::ctl
