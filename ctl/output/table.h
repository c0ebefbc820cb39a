// SPDX-License-Identifier: MIT
//
// Columns of text, as wide as their widest cell. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qemunit::ctl {

// Two spaces between columns, none at the end of a line.
std::string table_text(const std::vector<std::vector<std::string>> &rows);

// "1w 3d", "2h 5min", "12s": the two largest units, as `systemctl status` has them.
std::string duration_text(uint64_t usec);

// "245.3M"
std::string size_text(uint64_t bytes);

}  // namespace qemunit::ctl
