// SPDX-License-Identifier: MIT
//
// What `run` writes for its caller, in a folder where a guest has laid something out.
#include "ctl/run/report_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>

#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;
using Contents = std::map<std::string, std::string>;

TEST(RunReportFileTest, TakesThePlaceOfALink) {
    const testing::TemporaryFolder folder;
    const std::string mine = folder.write("mine", "mine");
    const auto report = ReportFile::open(folder / "out/j.xml");
    ASSERT_TRUE(report) << report.error().message;
    folder.link("out/j.xml", mine);
    folder.link("out/.j.xml.new", mine);
    const auto written = report->write("<xml/>");
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(folder.contents(), (Contents{{"mine", "mine"}, {"out/j.xml", "<xml/>"}}));
    ASSERT_TRUE(report->write("again"));
    EXPECT_EQ(folder.read("out/j.xml"), "again");
}

// As a guest may have laid it out in a folder that it was shared with.
TEST(RunReportFileTest, FollowsNoLinkOnTheWay) {
    const testing::TemporaryFolder folder;
    folder.make_folder("mine/deep");
    folder.make_folder("out");
    folder.link("out/link", folder / "mine");
    for (const char *way : {"out/link/file", "out/link/deep/file", "out/link/new/file"}) {
        const auto report = ReportFile::open(folder / way);
        ASSERT_FALSE(report) << way;
        EXPECT_EQ(report.error().code, ELOOP) << report.error().message;
        const auto events = open_event_file(folder / way);
        ASSERT_FALSE(events) << way;
        EXPECT_EQ(events.error().code, ELOOP) << events.error().message;
    }
    EXPECT_TRUE(fs::is_empty(folder / "mine/deep"));
    EXPECT_FALSE(fs::exists(folder / "mine/new"));
    ASSERT_TRUE(open_event_file(folder / "out/one/two/file"));
    EXPECT_TRUE(fs::exists(folder / "out/one/two/file"));
}

TEST(RunReportFileTest, IsInTheFolderThatWasThereAtFirst) {
    const testing::TemporaryFolder folder;
    const std::string mine = folder.make_folder("mine");
    const auto report = ReportFile::open(folder / "out/j.xml");
    ASSERT_TRUE(report) << report.error().message;
    fs::rename(folder / "out", folder / "moved");
    folder.link("out", mine);
    ASSERT_TRUE(report->write("<xml/>"));
    EXPECT_EQ(folder.contents(), (Contents{{"moved/j.xml", "<xml/>"}, {"out", "-> " + mine}}));
}

TEST(RunReportFileTest, WaitsForNoReaderOfAFifo) {
    const testing::TemporaryFolder folder;
    ASSERT_EQ(mkfifo((folder / "j.xml").c_str(), 0600), 0);
    const auto report = ReportFile::open(folder / "j.xml");
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(report->write("<xml/>"));
    EXPECT_EQ(folder.read("j.xml"), "<xml/>");
}

TEST(RunReportFileTest, LeavesDevicesAndOwnDescriptorsWhatTheyAre) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reading(ends[0]), writing(ends[1]);
    const auto report = ReportFile::open("/dev/fd/" + std::to_string(writing.get()));
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(report->write("<xml/>"));
    char text[16];
    EXPECT_EQ(read(reading.get(), text, sizeof text), 6);
    const auto null = ReportFile::open("/dev/null");
    ASSERT_TRUE(null && null->write("<xml/>"));
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
    const auto none = ReportFile::open("");
    EXPECT_TRUE(none && none->write("<xml/>"));
}

TEST(RunReportFileTest, SaysWhatItCannotWrite) {
    const testing::TemporaryFolder folder;
    folder.write("file", "");
    EXPECT_EQ(ReportFile::open(folder / "file/j.xml").error().message,
              "cannot write " + folder.path() + "/file/j.xml: Not a directory");
    const std::string taken = folder.make_folder("taken");
    const auto report = ReportFile::open(taken);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->write("").error().message, "cannot write " + taken + ": Is a directory");
    EXPECT_EQ(folder.contents(), (Contents{{"file", ""}}));
}

TEST(RunEventFileTest, IsEmptyAtFirst) {
    const testing::TemporaryFolder folder;
    const std::string path = folder.write("events", "of the last run");
    EXPECT_TRUE(open_event_file(path));
    EXPECT_TRUE(open_event_file(folder / "new"));
    EXPECT_EQ(folder.contents(), (Contents{{"events", ""}, {"new", ""}}));
    EXPECT_TRUE(open_event_file("/dev/null"));
}

TEST(RunEventFileTest, IsNothingThatAGuestHasMadeOfIt) {
    const testing::TemporaryFolder folder;
    const std::string mine = folder.write("mine", "mine"), link = folder.link("link", mine),
                      fifo = folder / "fifo";
    EXPECT_EQ(open_event_file(link).error().message,
              "cannot write " + link + ": it is a link; name what it leads to");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(open_event_file(fifo).error().message,
              "cannot write " + fifo + ": it is a fifo that nobody reads");
    const UniqueFd reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(open_event_file(fifo));
    fs::create_hard_link(mine, folder / "second");
    EXPECT_EQ(open_event_file(folder / "second").error().code, EPERM);
    EXPECT_EQ(folder.read("mine"), "mine");
}

}  // namespace
}  // namespace qemunit::ctl
