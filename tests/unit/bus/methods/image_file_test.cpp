// SPDX-License-Identifier: MIT
#include "bus/methods/image_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit::bus {
namespace {

// As `qemu-img create` writes it, as far as it is looked at.
std::string header(char version, char backing_offset, char incompatible) {
    std::string bytes(112, '\0');
    bytes.replace(0, 4, "QFI\xfb");
    bytes[7] = version;
    bytes[15] = backing_offset;
    bytes[79] = incompatible;
    return bytes;
}

TEST(ImageFileTest, AQcow2ImageThatStandsAlone) {
    EXPECT_EQ(qcow2_fault(header(3, 0, 0)), "");
    EXPECT_EQ(qcow2_fault(header(3, 0, 0b11011)), "");  // dirty, corrupt, compressed, extended
    EXPECT_EQ(qcow2_fault(header(2, 0, 0b100)), "");    // version 2 has other things there
    // QEMU says what is wrong with these.
    EXPECT_EQ(qcow2_fault(""), "");
    EXPECT_EQ(qcow2_fault("QFI\xfb"), "");
    EXPECT_EQ(qcow2_fault(std::string(200, 'x')), "");
}

TEST(ImageFileTest, OneThatNamesOtherFilesDoesNot) {
    EXPECT_TRUE(qcow2_fault(header(2, 1, 0)).starts_with("The image has a backing file, "));
    EXPECT_TRUE(qcow2_fault(header(3, 1, 0)).starts_with("The image has a backing file, "));
    EXPECT_TRUE(qcow2_fault(header(3, 0, 4)).starts_with("The image has an external data file, "));
    EXPECT_NE(qcow2_fault(header(4, 0, 4)), "");
}

TEST(ImageFileTest, WhatAFileIs) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reading(ends[0]), writing(ends[1]);
    EXPECT_EQ(image_kind(reading.get()), ImageKind::none);
    EXPECT_EQ(image_kind(-1), ImageKind::none);
    const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(image_kind(file.get()), ImageKind::file);
    const UniqueFd folder(open("/", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(image_kind(folder.get()), ImageKind::none);
}

}  // namespace
}  // namespace qemunit::bus
