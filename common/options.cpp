// SPDX-License-Identifier: MIT
#include "common/options.h"

#include <algorithm>

#include "common/concat.h"
#include "common/did_you_mean.h"

namespace qemunit {

namespace {

constexpr std::size_t kHelpColumn = 20;

bool begins_with_letter(const OptionText &option, std::string_view word) {
    return option.letter != 0 && word.size() >= 2 && word[0] == '-' && word[1] == option.letter;
}

}  // namespace

bool is_option(const OptionText &option, std::string_view word) {
    const bool has_letter = begins_with_letter(option, word);
    if (option.value.empty())
        return word == option.name || (has_letter && word.size() == 2);
    if (has_letter)
        return true;
    if (!word.starts_with(option.name))
        return false;
    word.remove_prefix(option.name.size());
    return word.empty() ? option.value_is_optional || !option.wanted.empty() : word.front() == '=';
}

Result<std::string_view> option_value(const OptionText &option, std::span<const std::string> words,
                                      std::size_t &next) {
    const std::string_view word = words[next];
    if (option.value.empty())
        return "";
    const bool has_letter = begins_with_letter(option, word);
    const std::size_t length = has_letter ? 2 : option.name.size();
    if (word.size() > length)
        return word.substr(has_letter ? length : length + 1);
    if (option.value_is_optional)
        return "";
    if (++next == words.size())
        return fail(EINVAL, concat(word, " needs ", option.wanted));
    return words[next];
}

std::unexpected<Error> refuse_option(std::string_view word,
                                     std::span<const std::string_view> names) {
    const std::string_view name = word.substr(0, word.find('='));
    // A known option that lacks its value, or has one that it does not take, is not misspelt; and a
    // single letter resembles any other.
    const bool is_misspelt =
        word.starts_with("--") && std::ranges::find(names, name) == names.end();
    const std::string meant = is_misspelt ? did_you_mean(name, names) : "";
    return fail(EINVAL, concat("unknown option '", word, "'",
                               meant.empty() ? std::string("; see --help") : "." + meant));
}

std::string option_help(const OptionText &option) {
    std::string text = "     ";
    if (option.letter != 0)
        text = concat("  -", std::string_view(&option.letter, 1), " ");
    append(text, option.name);
    if (!option.value.empty())
        append(text, option.value_is_optional ? "[=" : "=", option.value,
               option.value_is_optional ? "]" : "");
    if (!option.operands.empty())
        append(text, " ", option.operands);
    if (text.size() >= kHelpColumn)
        text += '\n';
    std::size_t column = text.back() == '\n' ? 0 : text.size();
    for (std::string_view rest = option.help; !rest.empty(); column = 0) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        append(text, std::string(kHelpColumn - column, ' '), line, "\n");
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    if (text.back() != '\n')
        text += '\n';
    return text;
}

}  // namespace qemunit
