// SPDX-License-Identifier: MIT
//
// Whole numbers as texts: of options, of the ini, of /proc. All of a text, or nothing; for a number
// at the beginning of a text there is std::from_chars.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace qemunit {

template <std::integral T>
struct NumberForm {
    T least = 0;
    T most = std::numeric_limits<T>::max();
    int base = 10;
};

// Digits alone: no sign, no space, no prefix.
template <std::integral T = uint64_t>
std::optional<T> whole_number(std::string_view text, NumberForm<T> form = {}) {
    if (text.starts_with('-'))  // which from_chars takes for a signed T
        return std::nullopt;
    T number = 0;
    const char *const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, form.base);
    if (error != std::errc{} || rest != end || number < form.least || number > form.most)
        return std::nullopt;
    return number;
}

}  // namespace qemunit
