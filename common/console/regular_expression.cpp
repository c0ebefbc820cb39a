// SPDX-License-Identifier: MIT
#include "common/console/regular_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace qemunit {

namespace {

// glibc's regcomp() takes "x{1000}{1000}{1000}" by its word, and copies what "+" repeats; it
// also recurses with each parenthesis.
constexpr std::size_t kLengthMax = 500;
constexpr std::size_t kCopiesMax = 2000;  // of single characters

// Behind the bracket expression that begins at `i`: "[^]a[:digit:]]".
std::size_t end_of_bracket(std::string_view text, std::size_t i) {
    ++i;
    if (i < text.size() && text[i] == '^')
        ++i;
    if (i < text.size() && text[i] == ']')
        ++i;
    while (i < text.size() && text[i] != ']') {
        const bool is_class = text[i] == '[' && i + 1 < text.size() &&
                              std::string_view(":.=").find(text[i + 1]) != std::string_view::npos;
        if (!is_class) {
            ++i;
            continue;
        }
        const char closing[] = {text[i + 1], ']'};
        const std::size_t end = text.find(std::string_view(closing, 2), i + 2);
        i = end == text.npos ? text.size() : end + 2;
    }
    return std::min(i + 1, text.size());
}

// The larger number of "{2,5}".
std::size_t interval_max(std::string_view interval) {
    std::size_t most = 1;
    for (const char *c = interval.data(), *const end = c + interval.size(); c < end; ++c) {
        std::size_t number = 0;
        const auto [rest, error] = std::from_chars(c, end, number);
        if (error == std::errc::result_out_of_range)
            return kCopiesMax + 1;
        if (error == std::errc{}) {
            most = std::max(most, number);
            c = rest;
        }
    }
    return most;
}

// Whether writing out all that is repeated makes more than kCopiesMax characters, roughly.
bool repeats_too_much(std::string_view text) {
    struct Group {
        std::size_t sum = 0;   // of all but the last item
        std::size_t last = 0;  // the last item, which a repetition is about
    };
    std::vector<Group> groups(1);
    const auto add = [&](std::size_t item) {
        groups.back().sum += groups.back().last;
        groups.back().last = item;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::size_t factor = 1;
        switch (text[i]) {
            case '(':
                groups.emplace_back();
                break;
            case ')':
                if (groups.size() > 1) {
                    const std::size_t item = groups.back().sum + groups.back().last;
                    groups.pop_back();
                    add(item);
                }
                break;
            case '[':
                i = end_of_bracket(text, i) - 1;
                add(1);
                break;
            case '\\':
                ++i;
                add(1);
                break;
            case '+':
                factor = 2;
                break;
            case '{': {
                const std::size_t end = std::min(text.find('}', i), text.size());
                factor = 1 + interval_max(text.substr(i, end - i));
                i = end;
                break;
            }
            default:
                add(1);
        }
        std::size_t &last = groups.back().last;
        last = std::min(std::max<std::size_t>(last, 1) * factor, kCopiesMax + 1);
        if (groups.back().sum + last > kCopiesMax)
            return true;
    }
    return false;
}

// A backslash and a digit; POSIX has them in basic expressions only. glibc takes exponential time
// to match them, and a guest writes the lines.
bool has_back_reference(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '[') {
            i = end_of_bracket(text, i) - 1;
        } else if (text[i] == '\\') {
            ++i;
            if (i < text.size() && text[i] >= '1' && text[i] <= '9')
                return true;
        }
    }
    return false;
}

}  // namespace

std::string expression_fault(const std::string &expression) {
    if (expression.empty())
        return "the regular expression is empty, which every line matches.";
    if (expression.size() > kLengthMax)
        return fmt::format("a regular expression of more than {} bytes.", kLengthMax);
    if (repeats_too_much(expression))
        return "a regular expression that repeats too much.";
    if (has_back_reference(expression))
        return "a back reference; extended regular expressions have none.";
    const auto compiled = RegularExpression::compile(expression);
    return compiled
               ? ""
               : fmt::format("not an extended regular expression: {}.", compiled.error().message);
}

Result<RegularExpression> RegularExpression::compile(const std::string &expression) {
    // Not with what frees it: regcomp() that fails leaves nothing to free.
    auto compiled = std::make_unique<regex_t>();
    const int error = regcomp(compiled.get(), expression.c_str(), REG_EXTENDED | REG_NOSUB);
    if (error == 0)
        return RegularExpression(std::unique_ptr<regex_t, Freeing>(compiled.release()));
    char text[200];
    regerror(error, compiled.get(), text, sizeof text);
    return fail(EINVAL, text);
}

bool RegularExpression::matches(std::string_view text, Part part) const {
    const int flags = (part.has_begin ? 0 : REG_NOTBOL) | (part.has_end ? 0 : REG_NOTEOL);
    return regexec(compiled_.get(), std::string(text).c_str(), 0, nullptr, flags) == 0;
}

void RegularExpression::Freeing::operator()(regex_t *compiled) const {
    regfree(compiled);
    delete compiled;
}

}  // namespace qemunit
