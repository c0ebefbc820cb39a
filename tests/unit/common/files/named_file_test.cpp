// SPDX-License-Identifier: MIT
//
// What root opens for a VM, and what it does not. "nobody" stands for whoever has a folder.
#include "common/files/named_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/common/files/roots_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

class NamedFileTest : public RootsFolderTest {
  protected:
    void fill() override {
        fs::create_directories(root + "/home");
        make("secret");
        make("home/roots");
        make("home/own", kNobody);
        ASSERT_EQ(chown((root + "/home").c_str(), kNobody, kNobody), 0);
        ASSERT_EQ(chmod((root + "/home").c_str(), 0700), 0);
    }
    void make(const std::string &name, uid_t owner = 0) const {
        const UniqueFd file(open((root + "/" + name).c_str(), O_WRONLY | O_CREAT, 0600));
        ASSERT_EQ(fchown(file.get(), owner, owner), 0);
    }
    // "", or what it was refused for.
    std::string fault(const std::string &name, const std::optional<Account> &user = std::nullopt,
                      bool write = true) const {
        const auto file = open_named_file(root + "/" + name, write, user);
        if (!file)
            return std::strerror(file.error().code);
        EXPECT_EQ(fcntl(file->get(), F_GETFL) & O_ACCMODE, write ? O_RDWR : O_RDONLY);
        return "";
    }

    const Account nobody{"nobody", kNobody, kNobody, {kNobody}};
    const std::string kNotAllowed = std::strerror(EACCES), kLink = std::strerror(ELOOP),
                      kSomebodyElses = std::strerror(EPERM), kNoImage = std::strerror(EINVAL);
};

TEST_F(NamedFileTest, WhateverItsModeIs) {
    EXPECT_EQ(fault("secret"), "");
    EXPECT_EQ(fault("secret", std::nullopt, false), "");
    EXPECT_EQ(fault("home/roots"), "");
    EXPECT_EQ(fault("home/own"), "");
    EXPECT_EQ(fault("gone"), std::strerror(ENOENT));
}

TEST_F(NamedFileTest, LinksOfRootAlone) {
    fs::create_symlink(root + "/secret", root + "/link");
    fs::create_symlink(root + "/secret", root + "/home/link");
    fs::create_directories(root + "/home/below");
    fs::create_directory_symlink(root, root + "/home/folder");
    EXPECT_EQ(fault("link"), "");
    EXPECT_EQ(fault("home/link"), kLink);
    EXPECT_EQ(fault("home/folder/secret"), kLink);
    EXPECT_EQ(fault("home/below/../own"), kLink);
}

TEST_F(NamedFileTest, NoSecondNameOfWhatIsSomebodyElses) {
    fs::create_hard_link(root + "/secret", root + "/home/hard");
    EXPECT_EQ(fault("home/hard"), kSomebodyElses);
    fs::create_hard_link(root + "/home/own", root + "/home/second");
    EXPECT_EQ(fault("home/second"), "") << "it is his own";
    EXPECT_EQ(fault("secret"), "") << "where only root can have put it";
}

TEST_F(NamedFileTest, OnlyImages) {
    fs::create_directories(root + "/folder");
    ASSERT_EQ(mkfifo((root + "/fifo").c_str(), 0666), 0);
    ASSERT_EQ(mkfifo((root + "/home/fifo").c_str(), 0666), 0);
    for (const bool write : {true, false})
        for (const auto &user : {std::optional<Account>(), std::optional(nobody)}) {
            EXPECT_EQ(fault("folder", user, write), kNoImage);
            EXPECT_EQ(fault("fifo", user, write), kNoImage);
            EXPECT_EQ(fault("home/fifo", user, write), kNoImage);
        }
    const auto zero = open_named_file("/dev/zero", false, std::nullopt);
    ASSERT_FALSE(zero);
    EXPECT_EQ(zero.error().message, "/dev/zero is neither a file nor a block device");
}

TEST_F(NamedFileTest, WithTheRightsOfWhoCanHavePutItThere) {
    EXPECT_EQ(fault("secret", nobody), "");
    EXPECT_EQ(fault("home/own", nobody), "");
    EXPECT_EQ(fault("home/roots", nobody), kNotAllowed);
    fs::create_symlink(root + "/secret", root + "/home/link");
    EXPECT_EQ(fault("home/link", nobody), kNotAllowed) << "opened as nobody, who may not";
    fs::create_hard_link(root + "/secret", root + "/home/hard");
    EXPECT_EQ(fault("home/hard", nobody), kNotAllowed);
}

}  // namespace
}  // namespace qemunit
