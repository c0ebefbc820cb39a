// SPDX-License-Identifier: MIT
//
// What HACKING.md sends its readers to is there: each path in it is that of a file or folder of the
// tree, or the end of one, such as "schema.cpp".
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace qemunit {
namespace {

namespace fs = std::filesystem;

// "tests/unit/hacking_test.cpp", and each end of it: "unit/hacking_test.cpp", "hacking_test.cpp".
// Those of folders also with a slash behind them.
std::set<std::string> paths_of_tree() {
    std::set<std::string> found;
    const fs::path root(QEMUNIT_SOURCE_DIR);
    for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
        const std::string path = at->path().lexically_relative(root);
        if (path == "build" || path == ".git") {
            at.disable_recursion_pending();
            continue;
        }
        for (std::string end = path; !end.empty();) {
            found.insert(end);
            if (at->is_directory())
                found.insert(end + "/");
            const std::size_t slash = end.find('/');
            end = slash == end.npos ? "" : end.substr(slash + 1);
        }
    }
    return found;
}

TEST(HackingTest, NamesPathsThatExist) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/HACKING.md");
    std::ostringstream text;
    text << file.rdbuf();
    // Blocks of commands aside, which begin and end with three backticks.
    const std::string page = std::regex_replace(text.str(), std::regex("```[^`]*```"), "");
    ASSERT_NE(page, "");
    // A path of the tree has a slash in it, or ends as our files do. One that begins with a slash
    // is of a system that runs, and `build/` is made.
    const std::regex quoted("`([^`\n]+)`"),
        is_path(R"(\.?[\w.@-]+(/[\w.@-]*)+|[\w.@-]+\.(h|cpp|in|md|scd|xml|ini|awk|cmake|sh|txt))");
    const std::set<std::string> tree = paths_of_tree();
    int paths = 0;
    for (std::sregex_iterator match(page.begin(), page.end(), quoted), end; match != end; ++match) {
        const std::string name = (*match)[1];
        if (!std::regex_match(name, is_path) || name.starts_with("build/"))
            continue;
        ++paths;
        EXPECT_TRUE(tree.contains(name))
            << "HACKING.md names `" << name << "`, which does not exist";
    }
    EXPECT_GT(paths, 50);
}

}  // namespace
}  // namespace qemunit
