// SPDX-License-Identifier: MIT
//
// What a VM that got another name has left behind, and what others own.
#include "common/files/left_images.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using Texts = std::vector<std::string>;

TEST(LeftImagesTest, OfVmsThatAreConfiguredNoMore) {
    const testing::TemporaryFolder folder;
    const Texts configs = {folder / "etc", folder / "usr"};
    const std::string image = folder / "qemunit/new/root.qcow2";
    EXPECT_EQ(left_images(image, "new", configs), Texts{});
    const std::string old = folder.write("qemunit/old/root.qcow2", "x");
    EXPECT_EQ(left_images(image, "new", configs), Texts{old});
    EXPECT_EQ(left_image_advice(image, "new", configs),
              image + " is made blank, but there is " + old +
                  ", and no VM 'old' is configured any more. If 'new' is its new name, stop it and "
                  "move what is in " +
                  (folder / "qemunit/old") + " here.");
    EXPECT_EQ(left_images(folder / "qemunit/new/other.qcow2", "new", configs), Texts{});
    EXPECT_EQ(left_images("/srv/root.qcow2", "new", configs), Texts{});
    folder.write("usr/old.ini", "");
    EXPECT_EQ(left_images(image, "new", configs), Texts{});
    EXPECT_EQ(left_image_advice(image, "new", configs), "");
}

// Whoever owns a VM's folder does not make us look elsewhere.
TEST(LeftImagesTest, LinksAreNotFollowed) {
    const testing::TemporaryFolder folder;
    const std::string real = folder.write("elsewhere/root.img", "x");
    folder.link("qemunit/linked/root.img", real);
    folder.link("qemunit/whole", folder / "elsewhere");
    folder.make_folder("qemunit/odd/root.img");
    folder.write("qemunit/.hidden/root.img", "x");
    EXPECT_EQ(left_images(folder / "qemunit/new/root.img", "new", {}), Texts{});
}

}  // namespace
}  // namespace qemunit
