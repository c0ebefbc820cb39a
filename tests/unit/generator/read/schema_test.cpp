// SPDX-License-Identifier: MIT
//
// The table itself: whole, without contradictions, and every row at work.
#include "generator/read/schema.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using Kind = SectionRow::Kind;

std::string label(const KeyRow &row) {
    return std::string("[").append(row.section).append("] ").append(row.key);
}

bool is_camel_case(std::string_view name) {
    return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' &&
           std::ranges::all_of(
               name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}

TEST(SchemaTest, NoRowStandsThereTwice) {
    std::set<std::string_view> section_names;
    for (const SectionRow &row : sections())
        EXPECT_TRUE(section_names.insert(row.name).second) << row.name;
    std::set<std::string> key_names;
    for (const KeyRow &row : keys())
        EXPECT_TRUE(key_names.insert(label(row)).second) << label(row);
}

TEST(SchemaTest, NamesAreCamelCaseWords) {
    for (const SectionRow &row : sections())
        EXPECT_TRUE(is_camel_case(row.name)) << row.name;
    for (const KeyRow &row : keys())
        EXPECT_TRUE(is_camel_case(row.key)) << label(row);
}

TEST(SchemaTest, EveryKeyIsInASectionThatTakesKeys) {
    for (const KeyRow &row : keys()) {
        const SectionRow *section = find_section(row.section);
        ASSERT_NE(section, nullptr) << label(row);
        EXPECT_TRUE(section->kind == Kind::single || section->kind == Kind::device) << label(row);
    }
}

TEST(SchemaTest, EverySectionThatTakesKeysHasSome) {
    for (const SectionRow &section : sections()) {
        const bool has_keys = std::ranges::any_of(
            keys(), [&](const KeyRow &row) { return row.section == section.name && row.set; });
        EXPECT_EQ(has_keys, section.kind == Kind::single || section.kind == Kind::device)
            << section.name;
        EXPECT_EQ(section.open != nullptr, section.kind == Kind::device) << section.name;
    }
}

TEST(SchemaTest, WhatAVersionHasIsDescribed) {
    for (const KeyRow &row : keys()) {
        if (row.since.empty())
            continue;
        EXPECT_FALSE(row.syntax.empty()) << label(row);
        EXPECT_FALSE(row.default_value.empty()) << label(row);
        EXPECT_FALSE(row.becomes.empty()) << label(row);
        EXPECT_NE(row.set, nullptr) << label(row);
        EXPECT_TRUE(row.help.ends_with('.')) << label(row);
        EXPECT_EQ(row.help.find('\n'), row.help.npos) << label(row);
        EXPECT_EQ(row.since.find_first_not_of("0123456789."), row.since.npos) << label(row);
    }
}

TEST(SchemaTest, WhatNoVersionHasPromisesNothing) {
    for (const KeyRow &row : keys()) {
        if (!row.since.empty())
            continue;
        EXPECT_EQ(row.set, nullptr) << label(row);
        EXPECT_FALSE(row.is_list) << label(row);
        for (std::string_view text : {row.syntax, row.default_value, row.becomes, row.help})
            EXPECT_EQ(text, "") << label(row);
    }
}

TEST(SchemaTest, RowsAreFoundByTheirExactName) {
    for (const SectionRow &row : sections())
        EXPECT_EQ(find_section(row.name), &row);
    for (const KeyRow &row : keys())
        EXPECT_EQ(find_key(row.section, row.key), &row);
    EXPECT_EQ(find_section("vm"), nullptr);
    EXPECT_EQ(find_section(""), nullptr);
    EXPECT_EQ(find_key("VM", "memory"), nullptr);
    EXPECT_EQ(find_key("Boot", "Memory"), nullptr);
    EXPECT_EQ(find_key("Drive root", "File"), nullptr);
}

TEST(SchemaTest, AnEmptyValueResetsEveryKey) {
    for (const KeyRow &row : keys()) {
        Vm vm;
        EXPECT_TRUE(row.set(vm, "x", "")) << label(row);
    }
}

// A value for a word of a key's syntax: itself, or where it is a placeholder, an example.
std::string sample(std::string_view word) {
    static const std::map<std::string_view, std::string> kExamples = {
        {"SIZE", "2G"},
        {"RATE", "10M"},
        {"NUMBER", "3"},
        {"MODE", "0600"},
        {"UUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"ADDRESS", "52:54:00:12:34:56"},
        {"PATH", "/a/b"},
        {"TIME", "90s"},
        {"DATE", "2026-01-31"},
        {"OPTION=VALUE", "hpet=off"},
        {"DRIVER.PROPERTY=VALUE", "ICH9-LPC.disable_s3=1"},
        {"type=NUMBER[,FIELD=TEXT…]", "type=1,serial=a"},
        {"NAME:PATH", "opt/a:/b"},
        {"WIDTHxHEIGHT", "1280x800"},
        {"[DOMAIN:]BUS:SLOT.FUNCTION", "03:00.0"},
        {"VENDOR:PRODUCT", "046d:c52b"},
        {"BUS-PORT[.PORT…]", "1-2.3"},
        {"HASH", "$6$salt$0123456789abcdefghijkl"},
        {"PROTOCOL:[ADDRESS]:PORT-[ADDRESS]:PORT", "tcp::10022-:22"},
    };
    if (const auto it = kExamples.find(word); it != kExamples.end())
        return it->second;
    return word.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789") == word.npos
               ? "name"
               : std::string(word);
}

TEST(SchemaTest, EveryKeyTakesWhatItsSyntaxSays) {
    for (const KeyRow &row : keys())
        for (std::string_view rest = row.syntax; !rest.empty();) {
            const std::size_t end = std::min(rest.find('|'), rest.size());
            Vm vm;
            const auto set = row.set(vm, "x", sample(rest.substr(0, end)));
            EXPECT_TRUE(set) << label(row) << "=" << rest.substr(0, end) << ": "
                             << (set ? "" : set.error());
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
}

}  // namespace
}  // namespace qemunit::generator
