// SPDX-License-Identifier: MIT
#include "bus/methods/keyboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "bus/methods/key_names.h"
#include "common/did_you_mean.h"
#include "common/utf8.h"

namespace qemunit::bus {

namespace {

// One key, and what it makes: alone, with Shift, with AltGr; 0 is nothing.
struct Key {
    std::string_view name;
    char32_t plain;
    char32_t shifted;
    char32_t third = 0;
};

constexpr Key kUs[] = {
    {"grave_accent", '`', '~'},
    {"1", '1', '!'},
    {"2", '2', '@'},
    {"3", '3', '#'},
    {"4", '4', '$'},
    {"5", '5', '%'},
    {"6", '6', '^'},
    {"7", '7', '&'},
    {"8", '8', '*'},
    {"9", '9', '('},
    {"0", '0', ')'},
    {"minus", '-', '_'},
    {"equal", '=', '+'},
    {"bracket_left", '[', '{'},
    {"bracket_right", ']', '}'},
    {"backslash", '\\', '|'},
    {"semicolon", ';', ':'},
    {"apostrophe", '\'', '"'},
    {"comma", ',', '<'},
    {"dot", '.', '>'},
    {"slash", '/', '?'},
};

constexpr Key kDe[] = {
    {"1", '1', '!'},
    {"2", '2', '"', U'²'},
    {"3", '3', U'§', U'³'},
    {"4", '4', '$'},
    {"5", '5', '%'},
    {"6", '6', '&'},
    {"7", '7', '/', '{'},
    {"8", '8', '(', '['},
    {"9", '9', ')', ']'},
    {"0", '0', '=', '}'},
    {"minus", U'ß', '?', '\\'},
    {"bracket_left", U'ü', U'Ü'},
    {"bracket_right", '+', '*', '~'},
    {"semicolon", U'ö', U'Ö'},
    {"apostrophe", U'ä', U'Ä'},
    {"backslash", '#', '\''},
    {"less", '<', '>', '|'},
    {"comma", ',', ';'},
    {"dot", '.', ':'},
    {"slash", '-', '_'},
    {"grave_accent", 0, U'°'},
    {"q", 0, 0, '@'},
    {"e", 0, 0, U'€'},
    {"m", 0, 0, U'µ'},
};

// Dead keys: the accent itself comes with the space bar after them.
constexpr Key kDeDead[] = {
    {"grave_accent", '^', 0},
    {"equal", U'´', '`'},
};

using Chords = std::vector<Chord>;
using Table = std::map<char32_t, Chords>;

Chord with(std::string_view modifier, std::string_view key) {
    return {std::string(modifier), std::string(key)};
}

void add(Table &table, const Key &key, const Chords &after = {}) {
    const auto put = [&](char32_t c, Chord chord) {
        if (!c)
            return;
        Chords chords{std::move(chord)};
        chords.insert(chords.end(), after.begin(), after.end());
        table[c] = std::move(chords);
    };
    put(key.plain, {std::string(key.name)});
    put(key.shifted, with("shift", key.name));
    put(key.third, with("alt_r", key.name));
}

Table make_table(Layout layout) {
    Table table{{U' ', {{"spc"}}}, {U'\n', {{"ret"}}}, {U'\t', {{"tab"}}}};
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        std::string name(1, letter);
        if (layout == Layout::de && letter == 'y')
            name = "z";
        else if (layout == Layout::de && letter == 'z')
            name = "y";
        add(table, {name, static_cast<char32_t>(letter), static_cast<char32_t>(letter - 32)});
    }
    if (layout == Layout::us) {
        for (const Key &key : kUs)
            add(table, key);
        return table;
    }
    for (const Key &key : kDe)
        add(table, key);
    for (const Key &key : kDeDead)
        add(table, key, {{"spc"}});
    return table;
}

const Table &table_of(Layout layout) {
    static const Table us = make_table(Layout::us);
    static const Table de = make_table(Layout::de);
    return layout == Layout::us ? us : de;
}

std::string_view name_of(Layout layout) {
    return layout == Layout::us ? "en-us" : "de";
}

std::string show(char32_t c) {
    const auto number = static_cast<uint32_t>(c);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return fmt::format("U+{:04X}", number);
    std::string text;
    append_utf8(text, c);
    return fmt::format("'{}' (U+{:04X})", text, number);
}

}  // namespace

std::expected<Layout, std::string> layout_of(std::string_view name) {
    if (name.empty() || name == "en-us")
        return Layout::us;
    if (name == "de")
        return Layout::de;
    return std::unexpected(fmt::format(
        "No text can be typed on a keyboard with the layout '{}' (Keyboard= in [VM]): only 'en-us' "
        "and 'de' are known; SendKeys works with any",
        name));
}

std::expected<Chords, std::string> chords_of(std::string_view text, Layout layout) {
    const Table &table = table_of(layout);
    Chords chords;
    std::size_t place = 0;
    for (char32_t c : decode_utf8(text)) {
        ++place;
        const auto found = table.find(c);
        if (found == table.end())
            return std::unexpected(fmt::format(
                "Character {} of the text, {}, is not on a keyboard with the layout '{}'", place,
                show(c), name_of(layout)));
        chords.insert(chords.end(), found->second.begin(), found->second.end());
    }
    return chords;
}

std::string key_fault(std::string_view key) {
    if (std::ranges::find(kKeyNames, key) != kKeyNames.end())
        return {};
    std::string hint = did_you_mean(key, kKeyNames);
    if (const auto alias = std::ranges::find(kKeyAliases, key, &KeyAlias::said);
        alias != kKeyAliases.end())
        hint = fmt::format(" Did you mean '{}'?", alias->name);
    return fmt::format("There is no key '{}'.{}", key, hint);
}

}  // namespace qemunit::bus
