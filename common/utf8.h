// SPDX-License-Identifier: MIT
//
// UTF-8, for those who take characters apart and put them together again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace qemunit {

// `c` is a code point up to U+10FFFF (RFC 3629).
void append_utf8(std::string &text, char32_t c);

// Whether the byte stands within a character, and begins none.
constexpr bool continues_utf8(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// The bytes of a character that begins with this one; 0: none does.
std::size_t utf8_length(char lead);

struct Utf8Character {
    char32_t code;
    std::size_t length;  // bytes
};

// The character that `text` begins with, if it begins with a whole one: no overlong form, no
// surrogate, nothing above U+10FFFF.
std::optional<Utf8Character> first_of_utf8(std::string_view text);

bool is_whole_utf8(std::string_view text);

// At most so many bytes from the beginning of `text`, without half a character at the end.
std::string_view whole_characters(std::string_view text, std::size_t at_most);

// `text` is valid, as all text on D-Bus is. Of a text that is not, the rest from the fault on is
// left out.
std::u32string decode_utf8(std::string_view text);

}  // namespace qemunit
