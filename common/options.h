// SPDX-License-Identifier: MIT
//
// The options of a program as a table, one row an option: its names, what --help shows, and what
// takes its value. Each of our programs has such a table, and nothing else reads its options.
// Also for those whom a start waits for: links the standard library only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/result.h"

namespace qemunit {

struct OptionText {
    char letter = 0;         // 'h': -h is the same option
    std::string_view name;   // "--vm"
    std::string_view value;  // "NAME": it is --vm=NAME
    // "the name of a host": the value may be the next word, as in -v NAME and --vm NAME; this is
    // for who gives none. Whoever has a letter and a value needs it.
    std::string_view wanted;
    std::string_view operands;  // "NAME": what --help shows behind it, though it takes no value
    bool value_is_optional = false;  // --vm alone is good as well, and its value is ""
    std::string_view help;           // its lines
};

template <typename Target>
struct Option {
    OptionText text;
    Result<> (*take)(Target &target, std::string_view value);
    bool is_last = false;  // what follows is not looked at, as behind --help
};

inline constexpr OptionText kHelpOption{.letter = 'h', .name = "--help", .help = "Show this help"};
inline constexpr OptionText kVersionOption{.name = "--version", .help = "Show the version"};

// Whether the word is this option, with all that it needs but a value in the next word.
bool is_option(const OptionText &option, std::string_view word);

// The value of the option at words[next]; `next` stands at the option's last word afterwards.
Result<std::string_view> option_value(const OptionText &option, std::span<const std::string> words,
                                      std::size_t &next);

// "unknown option '--jsn'. Did you mean '--json'?"
std::unexpected<Error> refuse_option(std::string_view word,
                                     std::span<const std::string_view> names);

// The option's lines of --help.
std::string option_help(const OptionText &option);

template <typename Target>
using OptionsFor = std::span<const Option<std::type_identity_t<Target>>>;

// The option at words[next], which begins with '-'. False: it is the last one to be looked at.
template <typename Target>
Result<bool> take_option(OptionsFor<Target> options, std::span<const std::string> words,
                         std::size_t &next, Target &target) {
    const std::string &word = words[next];
    std::vector<std::string_view> names;
    for (const auto &option : options) {
        names.push_back(option.text.name);
        if (!is_option(option.text, word))
            continue;
        const auto value = option_value(option.text, words, next);
        if (!value)
            return std::unexpected(value.error());
        if (auto taken = option.take(target, *value); !taken)
            return std::unexpected(taken.error());
        return !option.is_last;
    }
    return refuse_option(word, names);
}

enum class Operands {
    anywhere,        // between the options, too; all that is behind "--"
    behind_options,  // from the first word on that does not begin with '-'
};

// The words that are no options.
template <typename Target>
Result<std::vector<std::string>> take_options(OptionsFor<Target> options,
                                              std::span<const std::string> words, Operands where,
                                              Target &target) {
    std::vector<std::string> operands;
    bool have_ended = false;
    for (std::size_t next = 0; next < words.size(); ++next) {
        if (have_ended || !words[next].starts_with('-')) {
            operands.push_back(words[next]);
            have_ended = have_ended || where == Operands::behind_options;
        } else if (where == Operands::anywhere && words[next] == "--") {
            have_ended = true;
        } else if (const auto more = take_option(options, words, next, target); !more) {
            return std::unexpected(more.error());
        } else if (!*more) {
            break;
        }
    }
    return operands;
}

// `usage`, the lines of the options, `more`.
template <typename Target, std::size_t kCount>
std::string options_help(std::string_view usage, const Option<Target> (&options)[kCount],
                         std::string_view more) {
    std::string text(usage);
    for (const Option<Target> &option : options)
        text += option_help(option.text);
    return text.append(more);
}

// Functions for the `take` of a row, for the plain kinds of values.
template <typename>
struct MemberOf;
template <typename Class, typename Type>
struct MemberOf<Type Class::*> {
    using Owner = Class;
};
template <auto kMember>
using OwnerOf = typename MemberOf<decltype(kMember)>::Owner;

template <auto kMember, auto kValue = true>
Result<> set_to(OwnerOf<kMember> &target, std::string_view) {
    target.*kMember = kValue;
    return {};
}

template <auto kMember>
Result<> set_text(OwnerOf<kMember> &target, std::string_view value) {
    target.*kMember = value;
    return {};
}

template <auto kMember>
Result<> add_text(OwnerOf<kMember> &target, std::string_view value) {
    (target.*kMember).emplace_back(value);
    return {};
}

// kParse makes a Result of the value.
template <auto kMember, auto kParse>
Result<> set_parsed(OwnerOf<kMember> &target, std::string_view value) {
    auto parsed = kParse(value);
    if (!parsed)
        return std::unexpected(std::move(parsed).error());
    target.*kMember = std::move(*parsed);
    return {};
}

template <auto kMember, auto kParse>
Result<> add_parsed(OwnerOf<kMember> &target, std::string_view value) {
    auto parsed = kParse(value);
    if (!parsed)
        return std::unexpected(std::move(parsed).error());
    (target.*kMember).push_back(std::move(*parsed));
    return {};
}

}  // namespace qemunit
