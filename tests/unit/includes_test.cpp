// SPDX-License-Identifier: MIT
//
// Each file includes what it names, itself or by its headers, which unity builds do not show:
// there, a file compiles with what the files before it have included. Types only, found by their
// spelling.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::includes {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = QEMUNIT_SOURCE_DIR;

// Of the standard library, what is used most, and the headers that promise it.
const std::map<std::string, std::set<std::string>> kStandard = {
    {"array", {"array"}},
    {"bitset", {"bitset"}},
    {"deque", {"deque"}},
    {"expected", {"expected"}},
    {"function", {"functional"}},
    {"list", {"list"}},
    {"make_shared", {"memory"}},
    {"make_unique", {"memory"}},
    {"map", {"map"}},
    {"optional", {"optional"}},
    {"regex", {"regex"}},
    {"set", {"set"}},
    {"shared_ptr", {"memory"}},
    {"span", {"span"}},
    {"string", {"string"}},
    {"string_view", {"string_view", "string"}},
    {"unexpected", {"expected"}},
    {"unique_ptr", {"memory"}},
    {"variant", {"variant"}},
    {"vector", {"vector"}},
};

struct File {
    std::string text;                // without comments and literals
    std::set<std::string> includes;  // as they are written: "common/result.h", "vector"
    std::set<std::string> words;     // names that may be types of ours
    std::set<std::string> standard;  // "string", of std::string
    std::set<std::string> declares;  // types, at any depth
    std::set<std::string> offers;    // types of the namespace
    std::set<std::string> calls;     // functions, not of an object or a class
    std::set<std::string> defines;   // functions of the namespace
    std::set<std::string> members;   // functions of classes
    bool formats = false;
};

std::set<std::string> all_of(const std::string &text, const std::regex &pattern) {
    std::set<std::string> found;
    for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
        found.insert((*match)[1]);
    return found;
}

// Comments, text and characters are taken out; the names of included files stay.
std::string code_of(const fs::path &path) {
    static const std::regex quoted(R"("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'|//.*)");
    std::ifstream file(path);
    std::string code;
    for (std::string line; std::getline(file, line);)
        code += (line.starts_with('#') ? line : std::regex_replace(line, quoted, "")) + "\n";
    return code;
}

File read(const fs::path &path) {
    static const std::regex include(R"re((?:^|\n)#include [<"]([^>"]+)[>"])re");
    static const std::regex word(R"(\b([A-Z]\w*[a-z]\w*)\b)");
    static const std::regex standard(R"(\bstd::(\w+)\b)");
    static const std::regex declaration(
        R"(\b(?:class|struct|enum|enum class|using|typename)\s+([A-Z]\w+))");
    static const std::regex offer(
        R"(\n(?:class|struct|enum class) ([A-Z]\w+)(?: final)?(?: :[^;{]*)? \{|\nusing ([A-Z]\w+) =)");
    static const std::regex call(R"((?:^|[^\w.>:])([a-z]\w*_\w+)\()");
    static const std::regex function(R"(\n[A-Za-z][\w:<>,&* ]*[ &*]([a-z]\w*_\w+)\()");
    static const std::regex member(
        R"(\n +(?!return )[A-Za-z][\w:<>,&* ]*[ &*]([a-z]\w*_\w+)\([^;{]*[;{])");
    File file;
    file.text = code_of(path);
    file.calls = all_of(file.text, call);
    file.defines = all_of(file.text, function);
    file.members = all_of(file.text, member);
    file.formats = file.text.find("fmt::") != std::string::npos;
    file.includes = all_of(file.text, include);
    file.words = all_of(file.text, word);
    file.standard = all_of(file.text, standard);
    file.declares = all_of(file.text, declaration);
    for (std::sregex_iterator match(file.text.begin(), file.text.end(), offer), end; match != end;
         ++match)
        file.offers.insert((*match)[1].matched ? (*match)[1] : (*match)[2]);
    return file;
}

std::map<std::string, File> read_all() {
    std::map<std::string, File> found;
    for (const char *program : {"common", "generator", "helper", "bus", "metrics", "ctl"})
        for (const auto &entry : fs::recursive_directory_iterator(kSource / program))
            if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
                found.emplace(entry.path().lexically_relative(kSource).string(),
                              read(entry.path()));
    found.emplace("common/paths.h", read(kSource / "common/paths.h.in"));
    return found;
}

const std::map<std::string, File> &files() {
    static const std::map<std::string, File> all = read_all();
    return all;
}

// The file, and what it includes by whatever way.
std::set<std::string> seen_by(const std::map<std::string, File> &all, const std::string &path) {
    std::set<std::string> seen;
    std::vector<std::string> next{path};
    while (!next.empty()) {
        const std::string file = next.back();
        next.pop_back();
        if (!seen.insert(file).second)
            continue;
        if (const auto it = all.find(file); it != all.end())
            next.insert(next.end(), it->second.includes.begin(), it->second.includes.end());
    }
    return seen;
}

std::string program_of(const std::string &path) {
    return path.substr(0, path.find('/'));
}

bool intersect(const std::set<std::string> &a, const std::set<std::string> &b) {
    return std::ranges::any_of(a, [&](const std::string &word) { return b.contains(word); });
}

TEST(IncludesTest, EachFileSeesTheStandardTypesThatItNames) {
    const auto &all = files();
    ASSERT_GT(all.size(), 300u);
    for (const auto &[path, file] : all) {
        const auto seen = seen_by(all, path);
        for (const std::string &name : file.standard) {
            const auto it = kStandard.find(name);
            if (it == kStandard.end())
                continue;
            EXPECT_TRUE(intersect(it->second, seen))
                << path << " names std::" << name << ", and includes no <" << *it->second.begin()
                << ">";
        }
    }
}

TEST(IncludesTest, EachFileThatFormatsSeesFmt) {
    for (const auto &[path, file] : files()) {
        const bool sees = intersect({"fmt/format.h", "fmt/ranges.h"}, seen_by(files(), path));
        EXPECT_TRUE(sees || !file.formats) << path;
    }
}

TEST(IncludesTest, EachFileSeesTheTypesOfOursThatItNames) {
    const auto &all = files();
    std::map<std::string, std::set<std::string>> headers;  // by type
    for (const auto &[path, file] : all)
        if (path.ends_with(".h"))
            for (const std::string &type : file.offers)
                headers[type].insert(path);
    EXPECT_GT(headers.size(), 100u);
    for (const auto &[path, file] : all) {
        const auto seen = seen_by(all, path);
        std::set<std::string> declared;
        for (const std::string &other : seen)
            if (const auto it = all.find(other); it != all.end())
                declared.insert(it->second.declares.begin(), it->second.declares.end());
        for (const std::string &word : file.words) {
            const auto it = headers.find(word);
            if (it == headers.end() || declared.contains(word))
                continue;
            for (const std::string &header : it->second)
                EXPECT_FALSE(program_of(header) == program_of(path) ||
                             program_of(header) == "common")
                    << path << " names " << word << ", and does not include " << header;
        }
    }
}

TEST(IncludesTest, EachFileSeesTheFunctionsOfOursThatItCalls) {
    const auto &all = files();
    std::map<std::string, std::set<std::string>> headers;  // by function
    for (const auto &[path, file] : all)
        if (path.ends_with(".h"))
            for (const std::string &function : file.defines)
                headers[function].insert(path);
    EXPECT_GT(headers.size(), 200u);
    for (const auto &[path, file] : all) {
        const auto seen = seen_by(all, path);
        std::set<std::string> members;
        for (const std::string &other : seen)
            if (const auto it = all.find(other); it != all.end())
                members.insert(it->second.members.begin(), it->second.members.end());
        for (const std::string &name : file.calls) {
            const auto it = headers.find(name);
            if (it == headers.end() || file.defines.contains(name) || members.contains(name) ||
                intersect(it->second, seen))
                continue;
            for (const std::string &header : it->second)
                EXPECT_FALSE(program_of(header) == program_of(path) ||
                             program_of(header) == "common")
                    << path << " calls " << name << "(), and does not include " << header;
        }
    }
}

}  // namespace
}  // namespace qemunit::includes
