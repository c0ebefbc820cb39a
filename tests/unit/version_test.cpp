// SPDX-License-Identifier: MIT
//
// The version stands where each of its readers looks for it, and is the same everywhere: a release
// that forgot one of the places fails here.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace qemunit {
namespace {

// What the group in `pattern` is, where it first matches a line of a file of the source.
std::string first_match(const std::string &path, const std::string &pattern) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/" + path);
    const std::regex expression(pattern);
    std::smatch match;
    for (std::string line; std::getline(file, line);)
        if (std::regex_search(line, match, expression))
            return match[1];
    ADD_FAILURE() << path << ": no line is like " << pattern;
    return {};
}

TEST(VersionTest, IsTheSameEverywhere) {
    const std::string version =
        first_match("CMakeLists.txt", "^project\\(qemunit VERSION ([0-9.]+) ");
    EXPECT_EQ(first_match("NEWS.md", "^## ([0-9.]+)$"), version);
    EXPECT_EQ(first_match("debian/changelog", "^qemunit \\(([^)]*)\\) "), version);
    EXPECT_EQ(first_match("packaging/qemunit.spec", "^Version: +(.*)$"), version);
}

// A changelog of rpm's has the version and the release of the newest entry.
TEST(VersionTest, HasAnEntryInTheChangelogOfTheSpec) {
    const std::string version = first_match("packaging/qemunit.spec", "^Version: +(.*)$");
    EXPECT_EQ(first_match("packaging/qemunit.spec", "^\\* .* - ([0-9.]+)-[0-9]+$"), version);
}

}  // namespace
}  // namespace qemunit
