// SPDX-License-Identifier: MIT
#include "generator/vm/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/utf8.h"

namespace qemunit::generator {

namespace {

bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

// Length of the character that `text` begins with, 0 if it begins with none, or with a
// noncharacter, for which systemd drops the whole line (src/basic/utf8.c, unichar_is_valid).
std::size_t character_length(std::string_view text) {
    if (static_cast<unsigned char>(text.front()) < 0x80)
        return 1;
    const auto c = first_of_utf8(text);
    const bool is_noncharacter =
        c && ((c->code >= 0xfdd0 && c->code <= 0xfdef) || (c->code & 0xfffe) == 0xfffe);
    return c && !is_noncharacter ? c->length : 0;
}

}  // namespace

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t";
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    for (text = trim(text); !text.empty(); text = trim(text)) {
        const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

std::string text_fault(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x7f) {  // nearly all are
            ++i;
            continue;
        }
        if (is_control(c))
            return fmt::format("Control character 0x{:02x}", c);
        const std::size_t length = character_length(text.substr(i));
        if (length == 0)
            return "Invalid UTF-8";
        i += length;
    }
    return {};
}

bool is_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

bool continues_line(std::string_view text) {
    const std::size_t last = text.find_last_not_of('\\');
    const std::size_t backslashes = text.size() - (last == text.npos ? 0 : last + 1);
    return backslashes % 2 == 1;
}

std::string shorten(std::string_view text) {
    constexpr std::size_t kMax = 60;
    if (text.size() <= kMax)
        return std::string(text);
    return std::string(whole_characters(text, kMax)) + "…";
}

std::string printable(std::string_view text) {
    std::string shown;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = character_length(text.substr(i));
        if (length == 0 || is_control(static_cast<unsigned char>(text[i]))) {
            shown += '?';
            ++i;
        } else {
            shown += text.substr(i, length);
            i += length;
        }
    }
    return shown;
}

}  // namespace qemunit::generator
