// SPDX-License-Identifier: MIT
//
// What QEMU is given for a drive, of images that qemu-img(1) makes.
#include "helper/start/drive_images.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;

class DriveImagesTest : public ::testing::Test {
  protected:
    void make(const std::string &arguments) const {
        const std::string command =
            "cd \"" + folder.path() + "\" && qemu-img create -q " + arguments;
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
    }
    std::string image(const std::string &format, const std::string &name,
                      const std::string &access = "rw") const {
        return "1:d:" + access + ":" + format + ":" + (folder / name);
    }
    std::string layer(unsigned set, const std::string &format, const std::string &name) const {
        return std::to_string(set) + ":d:" + format + ":" + (folder / name);
    }
    // What is added to "-drive if=none,id=d,x", or what is wrong.
    std::string added(const std::string &file, const Words &backing = {}) const {
        HelperOptions options;
        options.files.push_back(*parse_drive_file(file));
        for (const std::string &text : backing)
            options.files.push_back(text == backing.front() ? *parse_backing_file(text)
                                                            : *parse_backing_layer(text));
        auto images = open_images(options, {});
        if (!images)
            return images.error().message;
        Words qemu{"/q", "-drive", "if=none,id=dd,x", "-drive", "if=none,id=d,x"};
        if (auto completed = complete_drives(qemu, *images); !completed)
            return completed.error().message;
        EXPECT_EQ(qemu[2], "if=none,id=dd,x");
        return qemu[4].substr(std::string("if=none,id=d,x").size());
    }
    static std::string below(const std::string &place, const std::string &format, unsigned number) {
        const std::string n = std::to_string(number);
        return "," + place + "driver=" + format + "," + place + "node-name=qemunit-image" + n +
               "-d," + place + "file.filename=/dev/fdset/" + std::to_string(number + 1) + "," +
               place + "file.node-name=qemunit-file" + n + "-d";
    }
    testing::TemporaryFolder folder;
};

TEST_F(DriveImagesTest, ACardInTheSlotOfABoardIsADrive) {
    make("-f raw a.img 1M");
    HelperOptions options;
    options.files.push_back(*parse_drive_file(image("raw", "a.img")));
    auto images = open_images(options, {});
    ASSERT_TRUE(images) << images.error().message;
    Words qemu{"/q", "-drive", "if=sd,id=d,x"};
    const auto completed = complete_drives(qemu, *images);
    EXPECT_TRUE(completed) << completed.error().message;
}

TEST_F(DriveImagesTest, APlainImageNeedsNothingMore) {
    make("-f raw a.img 1M");
    make("-f qcow2 a.qcow2 1M");
    EXPECT_EQ(added(image("raw,guessed", "a.img")), "");
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2", "r")), "");
    // One that lies on nothing any more.
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "raw,guessed", "a.img")}), "");
}

TEST_F(DriveImagesTest, EachLayerByItsName) {
    make("-f raw base.img 1M");
    make("-f qcow2 -F raw -b base.img middle.qcow2");
    make("-f qcow2 -F qcow2 -b \"$PWD/middle.qcow2\" top.qcow2");
    EXPECT_EQ(added(image("qcow2,guessed", "middle.qcow2"), {layer(2, "raw,guessed", "base.img")}),
              below("backing.", "raw", 1));
    EXPECT_EQ(added(image("qcow2", "top.qcow2"),
                    {layer(2, "qcow2,guessed", "middle.qcow2"), layer(3, "raw", "base.img")}),
              below("backing.", "qcow2", 1) + below("backing.backing.", "raw", 2));
}

TEST_F(DriveImagesTest, NoLayerThatTheIniDoesNotName) {
    make("-f raw base.img 1M");
    make("-f raw other.img 1M");
    make("-f qcow2 -F raw -b base.img a.qcow2");
    EXPECT_EQ(
        added(image("qcow2,guessed", "a.qcow2")),
        "[Drive d] File=" + (folder / "a.qcow2") + ": the image " + (folder / "a.qcow2") +
            " is a layer on " + (folder / "base.img") +
            ", which the ini does not name: name that with BackingFile=" + (folder / "base.img"));
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "raw,guessed", "other.img")}),
              "[Drive d] BackingFile=" + (folder / "other.img") + ": the image " +
                  (folder / "a.qcow2") + " is a layer on " + (folder / "base.img") +
                  ", not on this: correct BackingFile=, or the image with `qemu-img rebase -u`");
    // By another way to the same file.
    folder.link("link.img", "base.img");
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "raw,guessed", "link.img")}),
              below("backing.", "raw", 1));
    make("-f qcow2 -u -F raw -b nbd://host/disk url.qcow2 1M");
    EXPECT_NE(
        added(image("qcow2,guessed", "url.qcow2")).find("is a layer on nbd://host/disk, which"),
        std::string::npos);
}

TEST_F(DriveImagesTest, NoLoop) {
    make("-f qcow2 loop.qcow2 1M");
    const std::string rebase =
        "cd \"" + folder.path() + "\" && qemu-img rebase -u -F qcow2 -b loop.qcow2 loop.qcow2";
    ASSERT_EQ(std::system(rebase.c_str()), 0);
    EXPECT_EQ(
        added(image("qcow2,guessed", "loop.qcow2"), {layer(2, "qcow2,guessed", "loop.qcow2")}),
        "[Drive d] BackingFile=" + (folder / "loop.qcow2") + ": the image is a layer on itself, " +
            (folder / "loop.qcow2"));
}

TEST_F(DriveImagesTest, FormatsThatLie) {
    make("-f qcow2 inner.qcow2 1M");
    std::filesystem::copy_file(folder / "inner.qcow2", folder / "raw.img");
    EXPECT_NE(
        added(image("raw,guessed", "raw.img")).find("raw.img is qcow2 by its content, but raw by"),
        std::string::npos);
    EXPECT_EQ(added(image("raw", "raw.img")), "") << "somebody has said so";
    make("-f qcow2 -F raw -b inner.qcow2 -u a.qcow2 1M");
    EXPECT_NE(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "qcow2", "inner.qcow2")})
                  .find("says that this is raw, but the ini that it is qcow2"),
              std::string::npos);
    EXPECT_NE(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "qcow2,guessed", "inner.qcow2")})
                  .find("is qcow2 by its content, but raw by"),
              std::string::npos);
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2"), {layer(2, "raw", "inner.qcow2")}),
              below("backing.", "raw", 1));
}

TEST_F(DriveImagesTest, NoDataInAnotherFile) {
    make("-f qcow2 -o data_file=data.raw a.qcow2 1M");
    EXPECT_EQ(added(image("qcow2,guessed", "a.qcow2")),
              "[Drive d] File=" + (folder / "a.qcow2") +
                  ": the image has its data in another file, which the ini cannot name; make one "
                  "image of both with `qemu-img convert -O qcow2`");
}

TEST_F(DriveImagesTest, WhatCannotBeOpened) {
    EXPECT_EQ(
        added(image("raw,guessed", "gone")),
        "[Drive d] File=: Could not open '" + (folder / "gone") + "': No such file or directory");
    ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0666), 0);
    for (const char *access : {"r", "rw"})
        EXPECT_EQ(added(image("raw,guessed", "fifo", access)),
                  "[Drive d] File=" + (folder / "fifo") + ": neither a file nor a block device");
}

TEST_F(DriveImagesTest, SetsHaveTheNamesOfTheirFiles) {
    OpenImages images;
    images.push_back({*parse_drive_file("1:d:rw:raw:/a,b"), UniqueFd(dup(0))});
    images.push_back({*parse_backing_file("2:d:raw:/c"), UniqueFd(dup(0))});
    EXPECT_EQ(
        fd_set_arguments(images),
        (Words{"-add-fd",
               "fd=" + std::to_string(images[0].fd.get()) + ",set=1,opaque=qemunit-medium:d:/a,,b",
               "-add-fd",
               "fd=" + std::to_string(images[1].fd.get()) + ",set=2,opaque=qemunit-layer:d:/c"}));
}

TEST_F(DriveImagesTest, SizesAreComparedOnceTheyAreOpen) {
    make("-f raw a.img 1M");
    HelperOptions options;
    options.files.push_back(*parse_drive_file(image("raw,guessed", "a.img")));
    options.sized.push_back({2 << 20, "raw", folder / "a.img"});
    const auto images = open_images(options, {});
    ASSERT_TRUE(images);
    const Words notes = size_notes(options, *images);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_TRUE(notes[0].starts_with((folder / "a.img") + " has 1M, while Size=2M")) << notes[0];
}

}  // namespace
}  // namespace qemunit::helper
