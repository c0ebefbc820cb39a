// SPDX-License-Identifier: MIT
//
// Whole files or none, and nothing else left behind.
#include "generator/units/output.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using Contents = std::map<std::string, std::string>;

class OutputTest : public ::testing::Test {
  protected:
    std::string write(const Output &output) {
        const auto written = OutputFolder::open(folder.path())->write(output);
        std::string message = written ? "" : written.error().message;
        if (const auto at = message.find(folder.path()); at != message.npos)
            message.erase(at, folder.path().size());
        return message;
    }

    testing::TemporaryFolder folder;
};

TEST_F(OutputTest, FilesAndLinks) {
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}, {"b.d/x.conf", ""}},
                     {{"t.wants/a", "/lib/a"}, {"t.wants/b", "/lib/b"}}}),
              "");
    EXPECT_EQ(folder.contents(), (Contents{{"a.d/x.conf", "one\n"},
                                           {"b.d/x.conf", ""},
                                           {"t.wants/a", "-> /lib/a"},
                                           {"t.wants/b", "-> /lib/b"}}));
}

TEST_F(OutputTest, NothingToWriteIsNothingWritten) {
    EXPECT_EQ(write({}), "");
    EXPECT_EQ(folder.contents(), Contents{});
}

TEST_F(OutputTest, AnEarlierFileIsReplaced) {
    folder.write("a.d/x.conf", "something old and longer\n");
    folder.write("a.d/other.conf", "stays\n");
    EXPECT_EQ(write({{{"a.d/x.conf", "new\n"}}, {}}), "");
    EXPECT_EQ(folder.contents(),
              (Contents{{"a.d/other.conf", "stays\n"}, {"a.d/x.conf", "new\n"}}));
}

TEST_F(OutputTest, AnEarlierLinkStays) {
    folder.link("t.wants/a", "/lib/a");
    EXPECT_EQ(write({{}, {{"t.wants/a", "/lib/a"}, {"t.wants/b", "/lib/b"}}}), "");
    EXPECT_EQ(folder.contents(),
              (Contents{{"t.wants/a", "-> /lib/a"}, {"t.wants/b", "-> /lib/b"}}));
}

TEST_F(OutputTest, AFileInTheWayOfAFolder) {
    folder.write("a.d", "a file\n");
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}}, {}}), "cannot create /a.d/x.conf: Not a directory");
    EXPECT_EQ(write({{}, {{"a.d/x", "/lib/a"}}}), "cannot create the link /a.d/x: Not a directory");
    EXPECT_EQ(folder.contents(), (Contents{{"a.d", "a file\n"}}));
}

TEST_F(OutputTest, AFolderInTheWayOfAFile) {
    folder.make_folder("a.d/x.conf");
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}}, {}}), "cannot create /a.d/x.conf: Is a directory");
    EXPECT_EQ(folder.contents(), Contents{});
}

// Whoever can write there must not have a file elsewhere overwritten.
TEST_F(OutputTest, ALinkInTheWayIsNotFollowed) {
    const std::string target = folder.write("target", "stays\n");
    folder.link("a.d/x.conf", target);
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}}, {}}),
              "cannot create /a.d/x.conf: Too many levels of symbolic links");
    EXPECT_EQ(folder.read("target"), "stays\n");
}

TEST_F(OutputTest, AnOutputDirectoryThatIsNotThere) {
    EXPECT_EQ(
        OutputFolder::open(folder / "gone").error().message,
        "cannot open the output directory " + (folder / "gone") + ": No such file or directory");
}

TEST_F(OutputTest, AFullDiskLeavesNoHalfFile) {
    EXPECT_TRUE(testing::holds_in_child([this] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit = {4096, 4096};
        ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        EXPECT_EQ(write({{{"a.d/x.conf", std::string(10'000, 'x')}}, {}}),
                  "cannot write /a.d/x.conf: File too large");
    }));
    EXPECT_EQ(folder.contents(), Contents{});
}

}  // namespace
}  // namespace qemunit::generator
