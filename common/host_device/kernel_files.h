// SPDX-License-Identifier: MIT
//
// The kernel's small files below /sys and /proc, for all that looks at devices of the host. What is
// not there is empty.
#pragma once

#include <string>
#include <vector>

namespace qemunit {

// The file's text without the newline at its end.
std::string kernel_text(const std::string &path);
// What a link leads to, without the folders on the way: "e1000" of ".../driver".
std::string link_name(const std::string &path);
// The names in a folder, sorted.
std::vector<std::string> names_in(const std::string &folder);

}  // namespace qemunit
