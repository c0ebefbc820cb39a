// SPDX-License-Identifier: MIT
#include "generator/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace qemunit {

namespace {

bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Length of the UTF-8 sequence that `text` begins with, 0 if it is none (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF) or a noncharacter, for which
// systemd drops the whole line (src/basic/utf8.c, unichar_is_valid).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(text[i]);
    };
    const auto continues = [&](std::size_t i) {
        return i < text.size() && (byte(i) & 0xc0) == 0x80;
    };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return continues(1) ? 2 : 0;
    if ((first & 0xf0) == 0xe0) {
        if (!continues(1) || !continues(2) || (first == 0xe0 && byte(1) < 0xa0) ||
            (first == 0xed && byte(1) > 0x9f))
            return 0;
        const unsigned c = (byte(0) & 0xfu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
        return (c >= 0xfdd0 && c <= 0xfdef) || c >= 0xfffe ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!continues(1) || !continues(2) || !continues(3) || (first == 0xf0 && byte(1) < 0x90) ||
            (first == 0xf4 && byte(1) > 0x8f))
            return 0;
        const bool is_noncharacter =  // U+nFFFE, U+nFFFF
            (byte(1) & 0x0f) == 0x0f && byte(2) == 0xbf && byte(3) >= 0xbe;
        return is_noncharacter ? 0 : 4;
    }
    return 0;
}

// Levenshtein's distance; a change of case counts half a letter, so results are doubled.
std::size_t edit_distance2(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = 2 * j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], 2 * i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t change = 2;
            if (a[i - 1] == b[j - 1])
                change = 0;
            else if (lower(a[i - 1]) == lower(b[j - 1]))
                change = 1;
            const std::size_t best = std::min({diagonal + change, row[j] + 2, row[j - 1] + 2});
            diagonal = std::exchange(row[j], best);
        }
    }
    return row.back();
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
        if (is_control(c))
            return fmt::format("Control character 0x{:02x}", c);
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0)
            return "Invalid UTF-8";
        i += length;
    }
    return {};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
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
    std::size_t end = kMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return std::string(text.substr(0, end)) + "…";
}

std::string printable(std::string_view text) {
    std::string shown;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(text.substr(i));
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

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    constexpr std::size_t kLongest = 64;
    if (word.empty() || word.size() > kLongest)
        return {};
    std::string_view best;
    // A third of the letters may be wrong, but at least one.
    std::size_t best_distance = 2 * std::max<std::size_t>(1, word.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        if (candidate.size() > kLongest)
            continue;
        if (std::ranges::equal(word, candidate, {}, lower, lower))
            return candidate;
        if (const std::size_t d = edit_distance2(word, candidate); d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
    const std::string_view best = closest(word, candidates);
    return best.empty() ? "" : fmt::format(" Did you mean '{}'?", best);
}

}  // namespace qemunit
