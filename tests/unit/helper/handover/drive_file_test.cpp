// SPDX-License-Identifier: MIT
#include "helper/handover/drive_file.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

TEST(DriveFileTest, AsTheGeneratorWritesIt) {
    const auto image = parse_drive_file("12:root:rw:qcow2,guessed:/srv/a:b.qcow2");
    ASSERT_TRUE(image);
    EXPECT_EQ(image->set, 12u);
    EXPECT_EQ(image->drive, "root");
    EXPECT_TRUE(image->write && image->format_is_guessed && !image->is_backing());
    EXPECT_EQ(image->format, "qcow2");
    EXPECT_EQ(image->path, "/srv/a:b.qcow2");
    EXPECT_EQ(key_of(*image), "[Drive root] File=/srv/a:b.qcow2");
    EXPECT_EQ(stored_name(*image), "qemunit-file-12");
    const auto layer = parse_backing_file("2:root:raw:/srv/base:1");
    ASSERT_TRUE(layer);
    EXPECT_TRUE(!layer->write && !layer->format_is_guessed && layer->is_backing());
    EXPECT_EQ(layer->format, "raw");
    EXPECT_EQ(key_of(*layer), "[Drive root] BackingFile=/srv/base:1");
    EXPECT_EQ(not_opened(*layer, ENOENT, "").message,
              "[Drive root] BackingFile=: Could not open '/srv/base:1': No such file or directory");
    EXPECT_EQ(not_opened(*image, EACCES, "Do this.").message,
              "[Drive root] File=: Could not open '/srv/a:b.qcow2': Permission denied. Do this.");
}

TEST(DriveFileTest, WhatIsNone) {
    for (const char *bad :
         {"", "1", "1:root", "1:root:rw:raw", "1:root:rw:raw:a", "x:root:rw:raw:/a",
          "1:ro ot:rw:raw:/a", "1:root:w:raw:/a", "1:root:r:,guessed:/a", "1:root:r::/a"}) {
        const auto parsed = parse_drive_file(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().message, "'" + std::string(bad) + "' is not a file of a drive");
    }
    EXPECT_FALSE(parse_backing_file("1:root:r"));
    EXPECT_FALSE(parse_backing_file(""));
    EXPECT_FALSE(parse_backing_file("1:root:r:a"));
}

}  // namespace
}  // namespace qemunit::helper
