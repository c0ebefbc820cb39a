// SPDX-License-Identifier: MIT
//
// One file from a server of http or https, by libcurl. For qemunit-fetch. Whatever the server says
// is hostile: its redirects, its sizes, how slow it is.
#pragma once

#include <cstdint>
#include <functional>

#include "common/result.h"
#include "helper/fetch/fetch_options.h"

namespace qemunit::helper {

// How much is here and how much it will be, 0 if nobody knows. False: nobody wants it any more.
using Progress = std::function<bool(uint64_t done, uint64_t total)>;

Result<> transfer(const FetchOptions &options, const Progress &progress);

}  // namespace qemunit::helper
