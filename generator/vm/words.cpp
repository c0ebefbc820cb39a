// SPDX-License-Identifier: MIT
//
// Arguments= -> words, by the rules that users know from ExecStart=. The counterpart of
// quote_word() in unit_text.cpp; tests hold both against systemd's own parser.
#include <fmt/format.h>

#include "common/ascii.h"
#include "common/utf8.h"
#include "generator/vm/text.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

// Decodes the escape that `text` begins with, behind its backslash. Returns how many
// characters it has, 0 if it is none that systemd knows (systemd.service(5)).
std::size_t decode_escape(std::string_view text, std::string &word) {
    constexpr std::string_view kLetters = "abfnrtvs\\\"'";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v \\\"'";
    if (const std::size_t i = kLetters.find(text.front()); i != kLetters.npos) {
        word += kBytes[i];
        return 1;
    }
    std::size_t digits = 0, base = 16, begin = 1;
    switch (text.front()) {
        case 'x':
            digits = 2;
            break;
        case 'u':
            digits = 4;
            break;
        case 'U':
            digits = 8;
            break;
        default:
            digits = 3, base = 8, begin = 0;
            break;
    }
    if (text.size() < begin + digits)
        return 0;
    unsigned long value = 0;
    for (std::size_t i = begin; i < begin + digits; ++i) {
        const auto digit = digit_value(text[i]);
        if (!digit || *digit >= base)
            return 0;
        value = value * base + *digit;
    }
    const bool is_character = text.front() == 'u' || text.front() == 'U';
    if (value == 0 || value > (is_character ? 0x10fffful : 0xfful))
        return 0;
    if (is_character)
        append_utf8(word, static_cast<char32_t>(value));
    else
        word += static_cast<char>(value);
    return begin + digits;
}

}  // namespace

Parsed<std::vector<QemuWord>> split_quoted(std::string_view text) {
    std::vector<QemuWord> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\') {
            const std::string_view escape = text.substr(i + 1);
            if (escape.empty())
                return std::unexpected("ends with a backslash.");
            const std::size_t length = decode_escape(escape, word);
            if (length == 0)
                return std::unexpected(
                    fmt::format("unknown escape '\\{}'; a backslash itself is written '\\\\'.",
                                printable(escape.substr(0, 1))));
            in_word = true;
            i += length;
        } else if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t') {
            if (in_word)
                words.push_back({std::exchange(word, {})});
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote != 0)
        return std::unexpected(fmt::format("the quote {} is not closed.", quote));
    if (in_word)
        words.push_back({word});
    for (const QemuWord &w : words)
        if (!is_utf8(w.text))
            return std::unexpected("a word is not UTF-8.");
    return words;
}

}  // namespace qemunit::generator
