// SPDX-License-Identifier: MIT
//
// The rooms of the source tree, as the table in HACKING.md has them: each folder is a row of it,
// and a file includes nothing of a room that stands below its own row there.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace qemunit {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = QEMUNIT_SOURCE_DIR;
constexpr std::size_t kPairsMax = 25;

std::string text_of(const fs::path &path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

// Of the rows "| `generator/vm/` | …", in their order.
std::vector<std::string> rooms() {
    std::vector<std::string> found;
    std::istringstream lines(text_of(kSource / "HACKING.md"));
    const std::regex row("^\\| `((?:common|generator|helper|bus|metrics|ctl)(?:/\\w+)*)/` \\|.*");
    std::smatch match;
    for (std::string line; std::getline(lines, line);)
        if (std::regex_match(line, match, row))
            found.push_back(match[1]);
    return found;
}

std::string program_of(const std::string &room) {
    return room.substr(0, room.find('/'));
}

struct Source {
    std::string path;
    std::string room;
    std::vector<std::string> includes;
};

std::vector<Source> sources() {
    static const std::regex include(
        "(?:^|\n)#include \"((?:common|generator|helper|bus|metrics|ctl)/[^\"]+)\"");
    std::vector<Source> found;
    for (const char *program : {"common", "generator", "helper", "bus", "metrics", "ctl"})
        for (const auto &entry : fs::recursive_directory_iterator(kSource / program)) {
            const auto type = entry.path().extension();
            if (type != ".cpp" && type != ".h")
                continue;
            const fs::path path = entry.path().lexically_relative(kSource);
            Source source{path.string(), path.parent_path().string(), {}};
            const std::string text = text_of(entry.path());
            for (std::sregex_iterator match(text.begin(), text.end(), include), end; match != end;
                 ++match)
                source.includes.push_back((*match)[1]);
            found.push_back(std::move(source));
        }
    return found;
}

TEST(LayoutTest, EachRoomIsInTheTableOnce) {
    const auto table = rooms();
    std::set<std::string> in_table(table.begin(), table.end()), in_tree;
    EXPECT_EQ(in_table.size(), table.size());
    for (const Source &source : sources())
        in_tree.insert(source.room);
    EXPECT_EQ(in_tree, in_table);
}

TEST(LayoutTest, EveryArrowRunsDownwards) {
    std::map<std::string, std::size_t> place;
    for (const std::string &room : rooms())
        place.emplace(room, place.size());
    for (const Source &source : sources())
        for (const std::string &include : source.includes) {
            const std::string room = include.substr(0, include.rfind('/'));
            EXPECT_LE(place[room], place[source.room]) << source.path << " includes " << include;
            EXPECT_TRUE(program_of(room) == program_of(source.room) || program_of(room) == "common")
                << source.path << " includes " << include;
        }
}

TEST(LayoutTest, NoRoomIsCrowded) {
    std::map<std::string, std::set<std::string>> pairs;
    for (const Source &source : sources())
        pairs[source.room].insert(fs::path(source.path).stem());
    for (const auto &[room, names] : pairs)
        EXPECT_LE(names.size(), kPairsMax) << room;
}

// A generator that could talk to a bus would wait for PID 1, which waits for it.
TEST(LayoutTest, TheGeneratorAndTheStartKnowNothingOfLibsystemd) {
    for (const Source &source : sources())
        if (source.room.starts_with("generator") || source.room == "helper/start" ||
            source.room == "helper/handover") {
            EXPECT_EQ(text_of(kSource / source.path).find("#include <systemd/"), std::string::npos)
                << source.path;
        }
}

TEST(LayoutTest, InihIsIncludedInOneFile) {
    std::vector<std::string> users;
    for (const Source &source : sources())
        if (text_of(kSource / source.path).find("#include <ini.h>") != std::string::npos)
            users.push_back(source.path);
    EXPECT_EQ(users, std::vector<std::string>{"generator/read/ini.cpp"});
}

// Everywhere else, a handler is a function, and nobody casts what sd-event hands back.
TEST(LayoutTest, EventSourcesAreMadeInThreeFiles) {
    std::set<std::string> makers;
    for (const Source &source : sources())
        if (text_of(kSource / source.path).find("sd_event_add_") != std::string::npos)
            makers.insert(source.path);
    EXPECT_EQ(makers, (std::set<std::string>{"common/fd_watch.cpp", "common/signals.cpp",
                                             "common/timer.cpp"}));
}

}  // namespace
}  // namespace qemunit
