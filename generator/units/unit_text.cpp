// SPDX-License-Identifier: MIT
#include "generator/units/unit_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/concat.h"
#include "common/paths.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr std::array<bool, 256> make_plain() {
    std::array<bool, 256> plain{};
    for (char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                   "_-+=:,./@"))
        plain[static_cast<unsigned char>(c)] = true;
    return plain;
}

// Letters, digits and what has no meaning to systemd anywhere in a word.
bool is_plain(char c) {
    static constexpr std::array<bool, 256> kPlain = make_plain();
    return kPlain[static_cast<unsigned char>(c)];
}

bool needs_quotes(std::string_view text) {
    if (text.empty())
        return true;
    for (char c : text)
        if (!is_plain(c) && c != '$' && c != '%' && c != kSpecifier)
            return true;
    return false;
}

// "%" is a character of the text, kSpecifier the begin of a specifier.
void add_percent(std::string &text, char c) {
    text += c == '%' ? "%%" : "%";
}

}  // namespace

void append_quoted_word(std::string &text, std::string_view word) {
    if (!word.empty() && std::ranges::all_of(word, is_plain)) {
        text += word;  // nearly all are
        return;
    }
    const bool quoted = needs_quotes(word);
    const bool is_text = is_utf8(word);  // else systemd would drop the line
    if (quoted)
        text += '"';
    for (char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == kSpecifier)
            add_percent(text, c);
        else if (c == '$')
            text += "$$";
        else if (c == '"' || c == '\\')
            text.append("\\").append(1, c);
        else if (c == '\n')
            text += "\\n";
        else if (c == '\t')
            text += "\\t";
        else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text))
            text += fmt::format("\\x{:02x}", byte);
        else
            text += c;
    }
    if (quoted)
        text += '"';
}

std::string quote_word(std::string_view word) {
    std::string text;
    append_quoted_word(text, word);
    return text;
}

std::string escape_specifiers(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (char c : value) {
        if (c == '%' || c == kSpecifier)
            add_percent(text, c);
        else
            text += c;
    }
    return text;
}

void append_quoted_path(std::string &text, std::string_view prefix, std::string_view path) {
    const auto is_free = [](char c) {
        return is_plain(c) && c != ':';
    };
    if (std::ranges::all_of(path, is_free)) {
        append(text, prefix, path);  // nearly all are
        return;
    }
    const bool quoted = !std::ranges::all_of(
        path, [&](char c) { return is_free(c) || c == '%' || c == kSpecifier; });
    append(text, quoted ? "\"" : "", prefix);
    for (char c : path) {
        if (c == '\\' || c == ':')
            text += '\\';
        if (c == '%' || c == kSpecifier)
            add_percent(text, c);
        else if (c == '"')
            text += R"("'"'")";
        else
            text += c;
    }
    if (quoted)
        text += '"';
}

std::string quote_path(std::string_view path) {
    std::string text;
    append_quoted_path(text, "", path);
    return text;
}

std::string escape_credential(std::string_view value) {
    std::string text;
    for (char c : value) {
        // White space at the end would be trimmed, and a backslash there continue the line.
        if (c == '\\')
            text.append(2, c);
        else if (c == ' ' || c == '\t')
            text += c == ' ' ? "\\x20" : "\\t";
        else
            text += c;
    }
    return text;
}

}  // namespace qemunit::generator
