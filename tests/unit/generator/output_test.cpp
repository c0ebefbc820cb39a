// SPDX-License-Identifier: MIT
//
// Files appear whole or not at all, and nothing else is left behind.
#include "generator/output.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using Contents = std::map<std::string, std::string>;

class OutputTest : public ::testing::Test {
  protected:
    std::string write(const Output &output) {
        const auto written = write_output(folder.path(), output);
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

TEST_F(OutputTest, EverybodyMayReadThemWhateverTheUmask) {
    const mode_t before = umask(0077);
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}}, {}}), "");
    umask(before);
    struct stat info {};
    ASSERT_EQ(stat((folder / "a.d/x.conf").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0644u);
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

TEST_F(OutputTest, AFolderInTheWayOfAFileLeavesNoTemporaryFile) {
    folder.make_folder("a.d/x.conf");
    EXPECT_EQ(write({{{"a.d/x.conf", "one\n"}}, {}}), "cannot write /a.d/x.conf: Is a directory");
    EXPECT_EQ(folder.contents(), Contents{});
}

TEST_F(OutputTest, AnOutputDirectoryThatIsNotThere) {
    EXPECT_EQ(write_output(folder / "gone", {{{"a.d/x.conf", ""}}, {}}).error().message,
              "cannot create " + (folder / "gone/a.d") + ": No such file or directory");
}

TEST_F(OutputTest, AFullDiskLeavesTheEarlierFile) {
    folder.write("a.d/x.conf", "old\n");
    EXPECT_TRUE(testing::holds_in_child([this] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit = {4096, 4096};
        ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
        EXPECT_EQ(write({{{"a.d/x.conf", std::string(10'000, 'x')}}, {}}),
                  "cannot write /a.d/x.conf: File too large");
    }));
    EXPECT_EQ(folder.contents(), (Contents{{"a.d/x.conf", "old\n"}}));
}

// As two daemon-reloads at once: each reader sees one of the texts, never parts of both.
TEST_F(OutputTest, TwoWritersDoNotMix) {
    const std::string texts[] = {std::string(300'000, 'a'), std::string(200'000, 'b')};
    pid_t children[2];
    for (int i = 0; i < 2; ++i) {
        children[i] = fork();
        if (children[i] == 0) {
            bool good = true;
            for (int n = 0; n < 50; ++n)
                good = good && write({{{"a.d/x.conf", texts[i]}}, {}}).empty();
            _exit(good ? 0 : 1);
        }
    }
    int running = 2;
    while (running > 0) {
        const std::string text = folder.read("a.d/x.conf");
        EXPECT_TRUE(text.empty() || text == texts[0] || text == texts[1]);
        for (pid_t &child : children) {
            int status = 0;
            if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
                EXPECT_EQ(status, 0);
                child = -1;
                --running;
            }
        }
    }
    EXPECT_EQ(folder.contents().size(), 1u);
}

}  // namespace
}  // namespace qemunit
