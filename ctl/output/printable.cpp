// SPDX-License-Identifier: MIT
#include "ctl/output/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace qemunit::ctl {

namespace {

// The bytes of the character that begins with this one (RFC 3629); 0: none does.
std::size_t length_by(unsigned char lead) {
    return lead < 0x80                    ? 1
           : lead >= 0xc2 && lead <= 0xdf ? 2
           : lead >= 0xe0 && lead <= 0xef ? 3
           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                          : 0;
}

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// `bytes`: as many as the first of them says.
std::optional<char32_t> decode(std::string_view bytes) {
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    const auto lead = static_cast<unsigned char>(bytes.front());
    char32_t c = bytes.size() == 1 ? lead : lead & (0xffu >> (bytes.size() + 1));
    for (const char byte : bytes.substr(1)) {
        if (!is_continuation(byte))
            return std::nullopt;
        c = c << 6 | (static_cast<unsigned char>(byte) & 0x3f);
    }
    if (c < kLeast[bytes.size() - 1] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        return std::nullopt;
    return c;
}

bool is_obeyed(char32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

std::string written_out(char32_t c) {
    return c == '\r'  ? "\\r"
           : c < 0x80 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c))
                      : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
}

// Whether more bytes may make a character of these, or leave a carriage return as it is.
bool is_beginning(std::string_view bytes) {
    return bytes == "\r" || (bytes.size() < length_by(static_cast<unsigned char>(bytes.front())) &&
                             std::ranges::all_of(bytes.substr(1), is_continuation));
}

// Takes the first character of `text`, which is not empty, off it.
std::string take(std::string_view &text) {
    const std::size_t length = length_by(static_cast<unsigned char>(text.front()));
    const auto c =
        length > 0 && length <= text.size() ? decode(text.substr(0, length)) : std::nullopt;
    if (!c) {
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        return fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    }
    const bool ends_line = text.starts_with("\r\n");
    const std::string_view bytes = text.substr(0, length);
    text.remove_prefix(length);
    return is_obeyed(*c) && !ends_line ? written_out(*c) : std::string(bytes);
}

}  // namespace

std::string Printable::feed(std::string_view text) {
    const std::string all = std::string(held_, held_size_).append(text);
    held_size_ = 0;
    std::string shown;
    for (std::string_view rest = all; !rest.empty();) {
        if (rest.size() < sizeof held_ && is_beginning(rest)) {
            held_size_ = rest.copy(held_, sizeof held_);
            break;
        }
        shown += take(rest);
    }
    return shown;
}

std::string Printable::end() {
    std::string shown;
    for (std::string_view rest(held_, held_size_); !rest.empty();)
        shown += take(rest);
    held_size_ = 0;
    return shown;
}

std::string printable_text(std::string_view text) {
    Printable all;
    std::string shown = all.feed(text);
    return shown += all.end();
}

}  // namespace qemunit::ctl
