// SPDX-License-Identifier: MIT
#include "ctl/console/typed_text.h"

#include <fmt/format.h>

#include <charconv>

namespace qemunit::ctl {

namespace {

struct Escape {
    char letter, byte;
};
constexpr Escape kEscapes[] = {
    {'\\', '\\'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'b', '\b'}, {'a', '\a'}, {'e', '\x1b'},
};

// "1b" of "\x1b": both digits, so that it is clear where the text goes on.
Result<char> hexadecimal(std::string_view digits) {
    unsigned char byte = 0;
    const char *const end = digits.data() + digits.size();
    if (digits.size() == 2 && std::from_chars(digits.data(), end, byte, 16).ptr == end)
        return static_cast<char>(byte);
    return fail(EINVAL, fmt::format("'\\x{}': two hexadecimal digits belong behind \\x", digits));
}

}  // namespace

Result<std::string> typed_text(std::string_view text) {
    std::string typed;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            typed += text[i];
            continue;
        }
        const std::string_view rest = text.substr(i + 1);
        if (rest.starts_with('x')) {
            const auto byte = hexadecimal(rest.substr(1, 2));
            if (!byte)
                return std::unexpected(byte.error());
            typed += *byte;
            i += 3;
            continue;
        }
        const Escape *known = nullptr;
        for (const Escape &escape : kEscapes)
            if (rest.starts_with(escape.letter))
                known = &escape;
        if (!known)
            return fail(EINVAL,
                        fmt::format("'\\{}' is no escape; there are \\n \\r \\t \\b \\a \\e "
                                    "\\xHH, and \\\\ for a backslash",
                                    rest.substr(0, 1)));
        typed += known->byte;
        ++i;
    }
    return typed;
}

}  // namespace qemunit::ctl
