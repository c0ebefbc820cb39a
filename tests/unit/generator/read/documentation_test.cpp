// SPDX-License-Identifier: MIT
//
// Every key of the table is in qemunit.ini(5), in examples/full.ini and in a golden tree, and
// the man page has none that the table does not know.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

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

class Documentation : public ::testing::TestWithParam<KeyRow> {};

TEST_P(Documentation, HasTheKey) {
    const KeyRow &row = GetParam();
    const std::string page = read_source("man/qemunit.ini.5.scd");
    const std::string section = section_of(page, fmt::format("SECTION [{}", row.section));
    const std::size_t term = section.find(fmt::format("\n*{}=*_", row.key));
    ASSERT_NE(term, std::string::npos) << "qemunit.ini(5) has no entry for " << row.key;
    const std::string entry = section.substr(term, section.find("\n*", term + 1) - term);
    EXPECT_NE(entry.find("Default:"), std::string::npos) << entry;
    std::string flat, flat_word;  // an entry's words may stand on two lines
    for (std::istringstream words(entry); words >> flat_word;)
        flat += flat_word + " ";
    EXPECT_NE(flat.find(fmt::format("Added in version {}", row.since)), std::string::npos) << entry;

    const std::string example = read_source("examples/full.ini");
    EXPECT_NE(example.find(fmt::format("\n{}=", row.key)), std::string::npos)
        << "examples/full.ini does not use " << row.key;
}

TEST_P(Documentation, HasAGoldenTree) {
    static const std::set<std::string> kGolden = golden_keys();
    const KeyRow &row = GetParam();
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
