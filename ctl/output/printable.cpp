// SPDX-License-Identifier: MIT
#include "ctl/output/printable.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/utf8.h"

namespace qemunit::ctl {

namespace {

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
    return bytes == "\r" || (bytes.size() < utf8_length(bytes.front()) &&
                             std::ranges::all_of(bytes.substr(1), continues_utf8));
}

// Takes the first character of `text`, which is not empty, off it.
std::string take(std::string_view &text) {
    const auto c = first_of_utf8(text);
    if (!c) {
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        return fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    }
    const bool ends_line = text.starts_with("\r\n");
    const std::string_view bytes = text.substr(0, c->length);
    text.remove_prefix(c->length);
    return is_obeyed(c->code) && !ends_line ? written_out(c->code) : std::string(bytes);
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
