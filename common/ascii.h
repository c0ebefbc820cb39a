// SPDX-License-Identifier: MIT
//
// Classes of ASCII characters. Not isalnum(3) and its like: those depend on the locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qemunit {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_lower_letter(char c) {
    return c >= 'a' && c <= 'z';
}

constexpr bool is_letter(char c) {
    return is_lower_letter(c) || (c >= 'A' && c <= 'Z');
}

constexpr bool is_alphanumeric(char c) {
    return is_letter(c) || is_digit(c);
}

// Letters, digits, and the others.
constexpr bool is_alphanumeric_or(char c, std::string_view others) {
    return is_alphanumeric(c) || others.contains(c);
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string to_lower(std::string_view text) {
    std::string lower(text);
    for (char &c : lower)
        c = to_lower(c);
    return lower;
}

// Of a digit to the base 16 or less.
constexpr std::optional<unsigned> digit_value(char c) {
    if (is_digit(c))
        return static_cast<unsigned>(c - '0');
    const char lower = to_lower(c);
    if (lower >= 'a' && lower <= 'f')
        return static_cast<unsigned>(lower - 'a') + 10;
    return std::nullopt;
}

}  // namespace qemunit
