// SPDX-License-Identifier: MIT
//
// What a file system without RENAME_NOREPLACE needs is seen on one, by the tests of Limits.
#include "common/files/free_name.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

TEST(FreeNameTest, IsTakenByFilesAndFolders) {
    const testing::TemporaryFolder folder;
    folder.write("a", "of a");
    fs::create_directory(folder / "b");
    EXPECT_EQ(move_to_free_name(AT_FDCWD, folder / "a", AT_FDCWD, folder / "c"), 0);
    EXPECT_EQ(move_to_free_name(AT_FDCWD, folder / "b", AT_FDCWD, folder / "d"), 0);
    EXPECT_FALSE(fs::exists(folder / "a") || fs::exists(folder / "b"));
    EXPECT_TRUE(fs::is_regular_file(folder / "c") && fs::is_directory(folder / "d"));
}

TEST(FreeNameTest, ThatIsTakenStays) {
    const testing::TemporaryFolder folder;
    folder.write("a", "of a");
    folder.write("b", "of b");
    fs::create_directory(folder / "c");
    fs::create_directory(folder / "empty");
    fs::create_symlink("nowhere", folder / "link");
    for (const char *taken : {"b", "c", "link"})
        EXPECT_EQ(move_to_free_name(AT_FDCWD, folder / "a", AT_FDCWD, folder / taken), EEXIST);
    EXPECT_EQ(move_to_free_name(AT_FDCWD, folder / "c", AT_FDCWD, folder / "empty"), EEXIST);
    EXPECT_EQ(fs::file_size(folder / "b"), 4u);
    EXPECT_EQ(move_to_free_name(AT_FDCWD, folder / "none", AT_FDCWD, folder / "x"), ENOENT);
}

TEST(FreeNameTest, AFileWithoutANameIsNowhere) {
    const testing::TemporaryFolder folder;
    const UniqueFd opened(open((folder / ".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd file = make_nameless_file(opened.get());
    ASSERT_TRUE(file);
    EXPECT_EQ(write(file.get(), "x", 1), 1);
    EXPECT_TRUE(fs::is_empty(folder / "."));
}

}  // namespace
}  // namespace qemunit
