// SPDX-License-Identifier: MIT
//
// Which folders are below a mount point that has nothing mounted, by what stands in tables.
#include "common/files/mount_points.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

// A root file system, and /srv/big as a second one.
constexpr const char *kMounts =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "23 22 0:21 / /proc rw - proc proc rw\n"
    "24 22 8:2 / /srv/big rw shared:2 - ext4 /dev/sdb1 rw\n";

class MountPointsTest : public ::testing::Test {
  protected:
    void SetUp() override { mounts(""); }
    void mounts(const std::string &more) { folder.write("mountinfo", kMounts + more); }
    void configure(const std::string &unit) {
        folder.write("run/systemd/generator/" + unit + ".mount", "[Mount]\n");
    }
    // "" if it may be used.
    std::string said(const std::string &path) {
        const auto checked = check_mounted(path, {folder.path(), folder / "mountinfo"});
        return checked ? "" : checked.error().message;
    }
    testing::TemporaryFolder folder;
};

TEST_F(MountPointsTest, NamesOfUnits) {
    EXPECT_EQ(mount_unit("/srv/big"), "srv-big.mount");
    EXPECT_EQ(mount_unit("/mnt/my disk-1/.x"), "mnt-my\\x20disk\\x2d1-.x.mount");
    EXPECT_EQ(mount_unit("/.x"), "\\x2ex.mount");
    EXPECT_EQ(mount_unit("/"), "-.mount");
}

TEST_F(MountPointsTest, PlainFolders) {
    EXPECT_EQ(said("/srv/images"), "");
    EXPECT_EQ(said("/"), "");
    EXPECT_EQ(said("/srv/big/images"), "");
}

TEST_F(MountPointsTest, WhatUnitsSay) {
    configure("srv-late");
    EXPECT_EQ(
        said("/srv/late/a/b"),
        "/srv/late is a mount point of srv-late.mount, and nothing is mounted there: what is "
        "made now would be in the wrong place. `systemctl start 'srv-late.mount'` mounts it.");
    EXPECT_NE(said("/srv/late"), "");
    EXPECT_EQ(said("/srv/later"), "");
    configure("srv-big");
    EXPECT_EQ(said("/srv/big/images"), "");
    folder.link("etc/systemd/system/srv-masked.mount", "/dev/null");
    EXPECT_EQ(said("/srv/masked"), "");
    folder.link("etc/systemd/system/srv-linked.mount", "/opt/srv-linked.mount");
    EXPECT_NE(said("/srv/linked/x"), "");
}

TEST_F(MountPointsTest, ASpaceInThePath) {
    configure("srv-my\\x20disk");
    EXPECT_NE(said("/srv/my disk"), "");
    mounts("25 22 8:3 / /srv/my\\040disk rw - ext4 /dev/sdc1 rw\n");
    EXPECT_EQ(said("/srv/my disk"), "");
}

// As in the sandbox of qemu-image@.service, which makes the folder writable.
TEST_F(MountPointsTest, AFolderThatIsMountedOnItself) {
    configure("mnt-a");
    configure("mnt-b");
    mounts(
        "25 22 8:1 /mnt/a /mnt/a rw - ext4 /dev/sda1 rw\n"
        "26 22 8:1 /srv/x /mnt/b rw - ext4 /dev/sda1 rw\n");
    EXPECT_NE(said("/mnt/a/images"), "");
    EXPECT_EQ(said("/mnt/b/images"), "") << "another folder of the same file system";
}

TEST_F(MountPointsTest, AnAutomountIsNoFileSystemYet) {
    configure("mnt-a");
    mounts("25 22 0:50 / /mnt/a rw - autofs systemd-1 rw\n");
    EXPECT_NE(said("/mnt/a/images"), "");
    mounts(
        "25 22 0:50 / /mnt/a rw - autofs systemd-1 rw\n"
        "26 25 8:4 / /mnt/a rw - ext4 /dev/sdd1 rw\n");
    EXPECT_EQ(said("/mnt/a/images"), "");
}

// Whatever the path looks like, where it leads decides.
TEST_F(MountPointsTest, ThroughALink) {
    const std::string point = folder.make_folder("point");
    const std::string link = folder.link("link", point);
    folder.write("run/systemd/generator/" + mount_unit(point), "");
    EXPECT_TRUE(said(link + "/images").starts_with(point + " is a mount point of "));
}

}  // namespace
}  // namespace qemunit
