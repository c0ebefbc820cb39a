// SPDX-License-Identifier: MIT
//
// Every key of the table is in qemunit.ini(5), in examples/full.ini and in a golden tree. The man
// page says of a key what the table says, and has none that the table does not know.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "generator/read/ini.h"
#include "generator/read/schema.h"

namespace qemunit::generator {

// For names of tests that can be read.
void PrintTo(const KeyRow &row, std::ostream *out);
void PrintTo(const KeyRow &row, std::ostream *out) {
    *out << row.section << " " << row.key;
}

namespace {

std::string read_source(const std::string &path) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

// From the heading that begins so to the next one.
std::string section_of(const std::string &page, const std::string &heading) {
    const std::size_t begin = page.find("\n# " + heading);
    if (begin == std::string::npos)
        return {};
    return page.substr(begin, page.find("\n# ", begin + 1) - begin);
}

// "Drive File", of all that golden trees give the generator to read.
std::set<std::string> golden_keys() {
    std::set<std::string> found;
    for (const auto &entry :
         std::filesystem::recursive_directory_iterator(QEMUNIT_SOURCE_DIR "/tests/golden")) {
        const auto &path = entry.path();
        if (!entry.is_regular_file() || entry.file_size() == 0 ||
            (path.extension() != ".ini" && path.extension() != ".conf") ||
            path.string().find("/expected/") != std::string::npos)
            continue;
        Diagnostics ignored;
        const auto name = path.lexically_relative(QEMUNIT_SOURCE_DIR).string();
        for (const IniEntry &e : parse_ini(name, read_source(name), ignored).entries)
            found.insert(e.section.substr(0, e.section.find(' ')) + " " + e.key);
    }
    return found;
}

// The parts of a text between two separators.
std::vector<std::string> split(std::string_view text, std::string_view separator) {
    std::vector<std::string> parts;
    for (std::size_t end; !text.empty();
         text.remove_prefix(std::min(text.size(), end + separator.size()))) {
        end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
    }
    return parts;
}

// As people see it: without scdoc's marks, on one line. A unit of any instance is its template.
std::string as_shown(const std::string &source) {
    std::string text;
    std::istringstream words(source);
    for (std::string word; words >> word;)
        text += text.empty() ? word : " " + word;
    text = std::regex_replace(text, std::regex(R"((\\)?([*_]))"), "");
    return std::regex_replace(text, std::regex("@[A-Z]+\\."), "@.");
}

std::string without_marks(std::string_view text) {
    return as_shown(std::string(text));
}

class Documentation : public ::testing::TestWithParam<KeyRow> {
  protected:
    const KeyRow &row = GetParam();

    // The entry of the key in its section of qemunit.ini(5).
    std::string entry() const {
        const std::string page = read_source("man/qemunit.ini.5.scd");
        const std::string section = section_of(page, fmt::format("SECTION [{}", row.section));
        const std::size_t term = section.find(fmt::format("\n*{}=*_", row.key));
        if (term == std::string::npos)
            return {};
        const std::size_t end = std::min(section.find("\n*", term + 1), section.find("\n# ", term));
        return section.substr(term + 1, end - term - 1);
    }

    // The comment before the key in its section of examples/full.ini; nothing if the file has no
    // such key.
    std::optional<std::string> comment_of_example() const {
        const std::regex header(R"(\[([\w-]+).*)");
        std::istringstream file(read_source("examples/full.ini"));
        std::string comment, section;
        for (std::string line; std::getline(file, line);) {
            if (std::smatch match; std::regex_match(line, match, header))
                section = match[1];
            if (section == row.section && line.starts_with(fmt::format("{}=", row.key)))
                return comment;
            comment = line.starts_with('#') ? comment + line + "\n" : "";
        }
        return std::nullopt;
    }
};

TEST_P(Documentation, HasTheKey) {
    const std::string text = entry();
    ASSERT_NE(text, "") << "qemunit.ini(5) has no entry for " << row.key;
    const std::string facts = as_shown(text);
    const std::string wanted = without_marks(
        fmt::format("Default: {}. Added in version {}", row.default_value, row.since));
    EXPECT_TRUE(facts.contains(wanted + ".") || facts.contains(wanted + ";"))
        << text << "\nBy the table: " << wanted << ".";
    for (const std::string &item : split(row.becomes, ", "))
        EXPECT_TRUE(facts.contains(without_marks(item)))
            << text << "\nThe table says that the key becomes: " << item;
}

TEST_P(Documentation, HasTheSyntax) {
    std::string term = entry();
    term = term.substr(term.find("=*") + 2);
    term = as_shown(term.substr(0, term.find('\n')));
    std::string syntax = without_marks(row.syntax);
    if (syntax == "yes|no")
        syntax = "BOOLEAN";
    if (const std::size_t more = syntax.find("…"); more != syntax.npos)
        syntax.replace(more, std::string_view("…").size(), "...");
    EXPECT_EQ(term, syntax);
}

// A comment that names values of a key names them all.
TEST_P(Documentation, HasAnExample) {
    const auto comment = comment_of_example();
    ASSERT_TRUE(comment) << "examples/full.ini does not use " << row.key << " in a [" << row.section
                         << "]";
    std::vector<std::string> named, left_out;
    for (const std::string &value : split(row.syntax, "|"))
        if (value.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == value.npos)
            (std::regex_search(*comment, std::regex("\\b" + value + "\\b")) ? named : left_out)
                .push_back(value);
    EXPECT_TRUE(named.size() < 2 || left_out.empty())
        << *comment << "\nwithout " << left_out.front();
}

TEST_P(Documentation, HasAGoldenTree) {
    static const std::set<std::string> kGolden = golden_keys();
    EXPECT_TRUE(kGolden.contains(fmt::format("{} {}", row.section, row.key)))
        << "no tree of tests/golden has " << row.key << "= in a [" << row.section << "]";
}

INSTANTIATE_TEST_SUITE_P(, Documentation, ::testing::ValuesIn(keys().begin(), keys().end()),
                         [](const ::testing::TestParamInfo<KeyRow> &key) {
                             return fmt::format("{}_{}", key.param.section, key.param.key);
                         });

TEST(DocumentationOfNothing, IsNotInTheManPage) {
    std::set<std::string> known = {"WantedBy", "RequiredBy"};
    for (const KeyRow &row : keys())
        known.emplace(row.key);
    std::istringstream page(read_source("man/qemunit.ini.5.scd"));
    for (std::string line; std::getline(page, line);) {
        const std::size_t end = line.find("=*_");
        if (line.starts_with('*') && end != std::string::npos) {
            EXPECT_TRUE(known.contains(line.substr(1, end - 1))) << line;
        }
    }
}

}  // namespace
}  // namespace qemunit::generator
