// SPDX-License-Identifier: MIT
//
// Images by their content: those that qemu-img(1) makes, and what only looks like one.
#include "common/files/disk_image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

using namespace std::literals;

class DiskImageTest : public ::testing::Test {
  protected:
    // By qemu-img, of 3 MiB. Returns its path.
    std::string make(const std::string &name, const std::string &format,
                     const std::string &options = {}) {
        const std::string path = folder / name;
        const std::string command =
            "qemu-img create -q -f " + format + " " + options + " \"" + path + "\" 3M";
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
        return path;
    }
    static std::string format_of(const std::string &path) {
        const UniqueFd image = open_image(path);
        return image ? format_by_content(image.get()) : "cannot be opened";
    }
    testing::TemporaryFolder folder;
};

TEST_F(DiskImageTest, WhatQemuMakes) {
    for (const std::string format : {"qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc"}) {
        const std::string path = make("a." + format, format);
        EXPECT_EQ(format_of(path), format);
        EXPECT_EQ(wrong_guess(path, format, "Format"), "");
        EXPECT_NE(wrong_guess(path, "raw", "Format"), "");
    }
    EXPECT_EQ(format_of(make("old", "qcow2", "-o compat=0.10")), "qcow2");
    EXPECT_EQ(format_of(make("flat", "vmdk", "-o subformat=monolithicFlat")), "vmdk");
    EXPECT_EQ(format_of(make("a.img", "raw")), "");
    EXPECT_EQ(wrong_guess(folder / "a.img", "raw", "Format"), "");
    EXPECT_EQ(wrong_guess(folder / "a.img", "qcow2", "Format"), "") << "QEMU says that itself";
}

TEST_F(DiskImageTest, TheWordsOfAWrongGuess) {
    const std::string path = make("noble.img", "qcow2");
    EXPECT_EQ(wrong_guess(path, "raw", "BackingFormat"),
              path +
                  " is qcow2 by its content, but raw by its name, which counts: write "
                  "BackingFormat=qcow2, or BackingFormat=raw if that is right all the same "
                  "(whoever can write to a raw disk can make it look like that).");
}

TEST_F(DiskImageTest, WhatIsNoImage) {
    EXPECT_EQ(format_of(folder.write("short", "QFI\xfb")), "");
    EXPECT_EQ(format_of(folder.write("empty", "")), "");
    EXPECT_EQ(format_of(folder.write("iso", std::string(32768, '\0') + "\1CD001")), "");
    EXPECT_FALSE(open_image(folder / "missing"));
    EXPECT_FALSE(open_image(folder.path()));
    EXPECT_FALSE(open_image("/dev/zero"));
    ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_FALSE(open_image(folder / "fifo"));
    EXPECT_EQ(wrong_guess(folder / "missing", "raw", "Format"), "");
}

TEST_F(DiskImageTest, SizesThatDiffer) {
    const std::string path = make("it's.qcow2", "qcow2");
    EXPECT_EQ(other_size(path, "qcow2", 3 << 20), "");
    EXPECT_EQ(other_size(path, "qcow2", 5 << 20),
              path +
                  " has 3M, while Size=5M is for an image that is made. To grow it: systemctl "
                  "reload, while the VM runs; or, while it is off: qemu-img resize -f qcow2 '" +
                  folder.path() + "/it'\\''s.qcow2' 5242880");
    EXPECT_EQ(other_size(path, "qcow2", 1 << 20),
              path + " has 3M, while Size=1M is for an image that is made. It stays as it is.");
    const std::string raw = make("a.img", "raw");
    EXPECT_EQ(other_size(raw, "raw", 3 << 20), "");
    EXPECT_NE(other_size(raw, "raw", 4 << 20), "");
    EXPECT_EQ(other_size(raw, "qcow2", 4 << 20), "");
    EXPECT_EQ(other_size(folder / "missing", "raw", 4 << 20), "");
    // What it says, it does.
    const std::string advice = other_size(path, "qcow2", 5 << 20);
    EXPECT_EQ(std::system(advice.substr(advice.find("qemu-img")).append(" >/dev/null").c_str()), 0);
    EXPECT_EQ(other_size(path, "qcow2", 5 << 20), "");
}

TEST_F(DiskImageTest, LayersOnSomethingElse) {
    const std::string base = make("base.img", "qcow2");
    for (const std::string compat : {"0.10", "1.1"}) {
        const std::string wrong =
            make("wrong" + compat, "qcow2", "-o compat=" + compat + " -F raw -b " + base);
        EXPECT_EQ(wrong_backing(wrong),
                  wrong + " was made on top of " + base +
                      " as raw, which is qcow2 by its content. If that is a mistake, write "
                      "BackingFormat=qcow2 and remove the layer, which is then made anew.");
        EXPECT_EQ(wrong_backing(make("right" + compat, "qcow2",
                                     "-o compat=" + compat + " -F qcow2 -b " + base)),
                  "");
    }
    EXPECT_EQ(wrong_backing(base), "");
    EXPECT_EQ(wrong_backing(folder / "missing"), "");
}

// Whatever a header says, nothing is read beyond what there is.
TEST_F(DiskImageTest, HeadersThatLie) {
    std::string header("QFI\xfb\0\0\0\3"sv);
    for (const std::string_view rest :
         {""sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv,
          "\0\0\0\0\0\0\0\x10\xff\xff\xff\xff"sv, "\0\0\0\0\0\0\x0f\xff\0\0\0\x10"sv})
        for (const std::size_t size : {8u, 71u, 72u, 100u, 104u, 4096u, 5000u}) {
            std::string image = header + std::string(rest);
            image.resize(size, '\xff');
            const UniqueFd file = open_image(folder.write("lie", image));
            backing_by_content(file.get());
            size_by_content(file.get(), "qcow2");
        }
}

TEST(SizeTextTest, AsInTheIni) {
    EXPECT_EQ(disk_size_text(uint64_t{20} << 30), "20G");
    EXPECT_EQ(disk_size_text(1536 << 20), "1536M");
    EXPECT_EQ(disk_size_text(uint64_t{2} << 40), "2T");
    EXPECT_EQ(disk_size_text(512), "512");
    EXPECT_EQ(disk_size_text(0), "0");
}

}  // namespace
}  // namespace qemunit
