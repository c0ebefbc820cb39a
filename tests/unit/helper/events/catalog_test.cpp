// SPDX-License-Identifier: MIT
//
// What people read of QEMU's events, held against the table in common/qmp/events.cpp: the catalog
// of "journalctl -x", and the manual page.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "common/qmp/events.h"
#include "helper/events/event_text.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

std::string text_of(const std::string &path) {
    std::ifstream file(std::string(QEMUNIT_SOURCE_DIR "/") + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string catalog() {
    return text_of("units/qemunit.catalog");
}

// By id, the comment above it.
std::map<std::string, std::string> headings_in_catalog() {
    std::map<std::string, std::string> headings;
    std::istringstream lines(catalog());
    std::string heading;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# "))
            heading = line.substr(2);
        if (line.starts_with("-- ")) {
            EXPECT_TRUE(headings.emplace(line.substr(3), heading).second) << line;
        }
    }
    return headings;
}

TEST(CatalogTest, EachMessageIdHasItsTextUnderItsEvent) {
    std::map<std::string, std::string> expected;
    for (const EventMessageId &id : event_message_ids())
        EXPECT_TRUE(expected.emplace(id.message_id, id.heading).second) << id.heading;
    EXPECT_EQ(headings_in_catalog(), expected);
}

TEST(CatalogTest, EachTextHasWhatJournalctlShows) {
    std::istringstream lines(catalog());
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("-- "))
            continue;
        std::string subject, by, documentation, empty, first;
        for (std::string *next : {&subject, &by, &documentation, &empty, &first})
            std::getline(lines, *next);
        EXPECT_TRUE(subject.starts_with("Subject: ")) << line;
        EXPECT_EQ(by, "Defined-By: qemunit") << line;
        EXPECT_EQ(documentation, "Documentation: man:qemunit(7)") << line;
        EXPECT_EQ(empty, "") << line;
        EXPECT_NE(first, "") << line;
    }
}

TEST(CatalogTest, JournalctlTakesTheCatalog) {
    testing::TemporaryFolder root;
    root.write("usr/lib/systemd/catalog/qemunit.catalog", catalog());
    root.make_folder("var/lib/systemd/catalog");
    const std::string option = "--root=" + root.path();
    const auto updated = testing::run_program({"/usr/bin/journalctl", option, "--update-catalog"});
    EXPECT_EQ(updated.exit_code, 0);
    EXPECT_EQ(updated.errors, "");
    const auto listed = testing::run_program({"/usr/bin/journalctl", option, "--list-catalog"});
    for (const EventMessageId &id : event_message_ids())
        EXPECT_NE(listed.output.find(fmt::format("{} qemunit: ", id.message_id)), std::string::npos)
            << id.heading;
}

// --- qemunit(7) ---

// The names between two texts of the page, where they are printed bold.
std::set<std::string> names_on_page(const std::string &from, const std::string &to) {
    const std::string page = text_of("man/qemunit.7.scd");
    const std::size_t begin = page.find(from), end = page.find(to, begin);
    EXPECT_NE(end, std::string::npos) << from;
    const std::string part = page.substr(begin, end - begin);
    static const std::regex name("\\*([A-Z_]{4,})\\*");
    std::set<std::string> names;
    for (std::sregex_iterator match(part.begin(), part.end(), name), last; match != last; ++match)
        names.insert((*match)[1]);
    return names;
}

TEST(EventsOnManualPageTest, NoiseIsNamed) {
    std::set<std::string> noise;
    for (const EventKind &kind : event_kinds())
        if (kind.is_noise)
            noise.emplace(kind.name);
    EXPECT_EQ(names_on_page("Some events are left out", ". So are those"), noise);
}

TEST(EventsOnManualPageTest, ThePrioritiesAreOfEventsThatHaveAnEntry) {
    const auto names = names_on_page("How bad it is:", "Some events are left out");
    EXPECT_GT(names.size(), 15u);
    for (const std::string &name : names) {
        const EventKind *kind = find_event_kind(name);
        EXPECT_TRUE(kind && !kind->is_noise) << name;
    }
}

// The page says that events which it does not name have priority 6.
TEST(EventsOnManualPageTest, EachEventOfAnotherPriorityIsNamed) {
    const auto names = names_on_page("How bad it is:", "Some events are left out");
    for (const EventKind &kind : event_kinds())
        EXPECT_TRUE(kind.is_noise || kind.sentence || kind.priority == 6 ||
                    names.contains(std::string(kind.name)))
            << kind.name;
}

}  // namespace
}  // namespace qemunit::helper
