// SPDX-License-Identifier: MIT
#include "common/utf8.h"

namespace qemunit {

void append_utf8(std::string &text, char32_t c) {
    const auto byte = [&](char32_t value) {
        text += static_cast<char>(value);
    };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xc0 | (c >> 6));
        byte(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        byte(0xe0 | (c >> 12));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    } else {
        byte(0xf0 | (c >> 18));
        byte(0x80 | ((c >> 12) & 0x3f));
        byte(0x80 | ((c >> 6) & 0x3f));
        byte(0x80 | (c & 0x3f));
    }
}

std::size_t utf8_length(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80                    ? 1
           : byte >= 0xc2 && byte <= 0xdf ? 2
           : byte >= 0xe0 && byte <= 0xef ? 3
           : byte >= 0xf0 && byte <= 0xf4 ? 4
                                          : 0;
}

std::optional<Utf8Character> first_of_utf8(std::string_view text) {
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    const std::size_t length = text.empty() ? 0 : utf8_length(text.front());
    if (length == 0 || length > text.size())
        return std::nullopt;
    const auto lead = static_cast<unsigned char>(text.front());
    char32_t c = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues_utf8(text[i]))
            return std::nullopt;
        c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
    }
    if (c < kLeast[length - 1] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        return std::nullopt;
    return Utf8Character{c, length};
}

std::string_view whole_characters(std::string_view text, std::size_t at_most) {
    if (text.size() <= at_most)
        return text;
    while (at_most > 0 && continues_utf8(text[at_most]))
        --at_most;
    return text.substr(0, at_most);
}

std::u32string decode_utf8(std::string_view text) {
    std::u32string decoded;
    while (const auto c = first_of_utf8(text)) {
        decoded += c->code;
        text.remove_prefix(c->length);
    }
    return decoded;
}

bool is_whole_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto character = first_of_utf8(text);
        if (!character)
            return false;
        text.remove_prefix(character->length);
    }
    return true;
}

}  // namespace qemunit
