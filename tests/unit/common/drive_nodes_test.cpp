// SPDX-License-Identifier: MIT
#include "common/drive_nodes.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(DriveNodesTest, NamesThatQemuTakes) {
    EXPECT_EQ(image_node("root"), "qemunit-image-root");
    EXPECT_EQ(file_node("root", 2), "qemunit-file2-root");
    EXPECT_EQ(fd_set_path(12), "/dev/fdset/12");
    const std::string name(31, 'a');
    for (const std::string &node : {image_node(name), file_node(name, 19)})
        EXPECT_EQ(node.size(), 31u) << node;
    EXPECT_NE(image_node(name), image_node(name.substr(1) + "b"));
}

}  // namespace
}  // namespace qemunit
