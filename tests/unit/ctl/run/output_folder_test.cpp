// SPDX-License-Identifier: MIT
//
// What a guest has laid out is taken along as files and folders, and as nothing else: a link that
// stayed would lead the next run out of the folder.
#include "ctl/run/output_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;

class OutputFolderTest : public ::testing::TestWithParam<Result<> (*)(int, int)> {
  protected:
    OutputFolderTest() {
        std::string name = (fs::temp_directory_path() / "output-XXXXXX").string();
        root_ = mkdtemp(name.data());
        for (const char *folder : {"guest", "here", "elsewhere"})
            fs::create_directory(root_ / folder);
        guest_.reset(open((root_ / "guest").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        here_.reset(open((root_ / "here").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    ~OutputFolderTest() override { fs::remove_all(root_); }

    Result<> keep() const { return GetParam()(guest_.get(), here_.get()); }
    void write(const std::string &path, const std::string &text) const {
        std::ofstream(root_ / path) << text;
    }
    std::string read(const std::string &path) const {
        std::ifstream file(root_ / path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path root_;
    UniqueFd guest_, here_;
};

TEST_P(OutputFolderTest, KeepsFilesAndFolders) {
    fs::create_directories(root_ / "guest/a/b");
    write("guest/a/b/new", "new");
    write("guest/old", "again");
    write("here/old", "before");
    write("here/other", "stays");
    fs::create_directory(root_ / "here/a");
    ASSERT_TRUE(keep());
    EXPECT_EQ(read("here/a/b/new"), "new");
    EXPECT_EQ(read("here/old"), "again");
    EXPECT_EQ(read("here/other"), "stays");
}

TEST_P(OutputFolderTest, KeepsNoLink) {
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "guest/folder");
    fs::create_symlink(root_ / "elsewhere/file", root_ / "guest/file");
    ASSERT_EQ(mkfifo((root_ / "guest/fifo").c_str(), 0600), 0);
    ASSERT_TRUE(keep());
    EXPECT_TRUE(fs::is_empty(root_ / "here"));
    EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_P(OutputFolderTest, FollowsNoLink) {
    fs::create_directory_symlink(root_ / "elsewhere", root_ / "here/folder");
    fs::create_directory(root_ / "guest/folder");
    write("guest/folder/key", "key");
    EXPECT_FALSE(keep());
    fs::remove_all(root_ / "guest/folder");
    fs::create_symlink(root_ / "elsewhere/file", root_ / "here/file");
    write("guest/file", "key");
    EXPECT_TRUE(keep());
    EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root_ / "here/file")));
}

INSTANTIATE_TEST_SUITE_P(CopiedAndMoved, OutputFolderTest,
                         ::testing::Values(copy_plain_files, move_plain_files));

TEST(MovedOutputTest, OpensWhatTheGuestHasClosed) {
    std::string name = (fs::temp_directory_path() / "output-XXXXXX").string();
    const fs::path root = mkdtemp(name.data());
    fs::create_directories(root / "guest/closed");
    std::ofstream(root / "guest/closed/file") << "x";
    fs::permissions(root / "guest/closed", fs::perms::none);
    fs::create_directory(root / "here");
    const UniqueFd guest(open((root / "guest").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        here(open((root / "here").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(move_plain_files(guest.get(), here.get()));
    EXPECT_TRUE(fs::is_regular_file(root / "here/closed/file"));
    EXPECT_TRUE(fs::is_empty(root / "guest"));
    fs::remove_all(root);
}

}  // namespace
}  // namespace qemunit::ctl
