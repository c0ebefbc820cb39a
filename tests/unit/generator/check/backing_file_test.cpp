// SPDX-License-Identifier: MIT
#include "generator/check/backing_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

// A header of qcow2 with that name at its end.
std::string header(const std::string &name) {
    std::string text("QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\x14\0\0\0", 19);
    text += static_cast<char>(name.size());
    return text + name;
}

TEST(BackingFileTest, IsWhatTheHeaderNames) {
    const testing::TemporaryFolder folder;
    EXPECT_EQ(backing_file_of(folder.write("a", header("/srv/base.qcow2"))), "/srv/base.qcow2");
    EXPECT_EQ(backing_file_of(folder.write("b", header("base.qcow2"))), folder / "base.qcow2");
    EXPECT_EQ(backing_file_of(folder.write("c/d", header("../base"))), folder / "base");
    EXPECT_EQ(backing_file_of(folder.write("e", header("/srv/a:b"))), "/srv/a:b");
}

TEST(BackingFileTest, OrNothing) {
    const testing::TemporaryFolder folder;
    EXPECT_EQ(backing_file_of(folder / "gone"), std::nullopt);
    EXPECT_EQ(backing_file_of(folder.path()), std::nullopt);
    EXPECT_EQ(backing_file_of("/dev/zero"), std::nullopt);
    EXPECT_EQ(backing_file_of(folder.write("short", "QFI\xfb")), std::nullopt);
    EXPECT_EQ(backing_file_of(folder.write("raw", std::string(4096, 'x'))), std::nullopt);
    EXPECT_EQ(backing_file_of(
                  folder.write("none", std::string("QFI\xfb\0\0\0\3", 8) + std::string(100, '\0'))),
              std::nullopt);
    EXPECT_EQ(backing_file_of(folder.write("cut", header("/srv/base").substr(0, 25))),
              std::nullopt);
    EXPECT_EQ(backing_file_of(folder.write("nbd", header("nbd:localhost:10809"))), std::nullopt);
    EXPECT_EQ(backing_file_of(folder.write("json", header("json:{}"))), std::nullopt);
    std::filesystem::create_symlink(folder.write("a", header("/srv/base")), folder / "link");
    EXPECT_EQ(backing_file_of(folder / "link"), std::nullopt);
}

}  // namespace
}  // namespace qemunit::generator
