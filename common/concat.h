// SPDX-License-Identifier: MIT
//
// Texts put together from parts. For what the generator writes for each VM, while PID 1 waits:
// a format of fmt is read anew at every call. Messages are fmt's.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace qemunit {

template <std::convertible_to<std::string_view>... Parts>
void append(std::string &text, const Parts &...parts) {
    (text.append(std::string_view(parts)), ...);
}

template <std::convertible_to<std::string_view>... Parts>
std::string concat(const Parts &...parts) {
    std::string text;
    text.reserve((std::string_view(parts).size() + ...));
    append(text, parts...);
    return text;
}

}  // namespace qemunit
