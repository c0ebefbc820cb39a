// SPDX-License-Identifier: MIT
//
// What the fuzz targets hold to be true of every input. Never throws: libFuzzer keeps the
// input of a process that dies.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace qemunit::fuzz {

inline void require(bool holds, std::string_view what, std::string_view value = {}) {
    if (holds)
        return;
    fmt::print(stderr, "not so: {}: '{}'\n", what, value);
    std::abort();
}

}  // namespace qemunit::fuzz
