// SPDX-License-Identifier: MIT
//
// The options of qemunit-fetch, as qemunitctl writes them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct FetchOptions {
    enum class Mode { fetch, help, version } mode = Mode::fetch;
    std::string url;
    std::string to;               // the name of a file in the current folder
    uint64_t max_size = 4 << 20;  // bytes
    unsigned stall = 30;          // seconds
};

Result<FetchOptions> parse_fetch_options(const std::vector<std::string> &arguments);
std::string fetch_help();

}  // namespace qemunit::helper
