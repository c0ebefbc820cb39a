// SPDX-License-Identifier: MIT
//
// Which known word was meant by one that is not known, for messages to people. The
// generator and qemunitctl ask. Never to guess on their behalf.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace qemunit {

// The candidate closest to `word` if it is close enough to be meant, else "".
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

// " Did you mean 'Memory'?", or "" if nothing is close.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace qemunit
