// SPDX-License-Identifier: MIT
//
// What `import --with-state` of root copies, and what it does not. "nobody" stands for whoever has
// the folder of the VM that is imported.
#include "ctl/import/state_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/unit/common/files/roots_folder.h"

namespace qemunit::ctl {
namespace {

namespace fs = std::filesystem;

constexpr off_t kMostOfStateTest = 1 << 20;

class StateFileTest : public RootsFolderTest {
  protected:
    void fill() override {
        fs::create_directories(root + "/home");
        make("secret", 0);
        make("home/own", kNobody);
        ASSERT_EQ(chown((root + "/home").c_str(), kNobody, kNobody), 0);
    }
    void make(const std::string &name, uid_t owner) const {
        const UniqueFd file(open((root + "/" + name).c_str(), O_WRONLY | O_CREAT, 0600));
        ASSERT_EQ(fchown(file.get(), owner, owner), 0);
    }
    int fault(const std::string &name) const {
        const auto file = open_state_file(root + "/" + name, kMostOfStateTest);
        return file ? 0 : file.error().code;
    }
};

TEST_F(StateFileTest, IsWhatTheFoldersOwnerCanHavePutThere) {
    fs::create_symlink(root + "/secret", root + "/home/link");
    fs::create_hard_link(root + "/secret", root + "/home/hard");
    fs::create_directory_symlink(root, root + "/home/folder");
    EXPECT_EQ(fault("home/own"), 0);
    EXPECT_EQ(fault("secret"), 0);
    EXPECT_EQ(fault("home/link"), ELOOP);
    EXPECT_EQ(fault("home/folder/secret"), ELOOP);
    EXPECT_EQ(fault("home/hard"), EPERM);
}

TEST_F(StateFileTest, IsARegularFileOfItsSize) {
    ASSERT_EQ(mkfifo((root + "/home/fifo").c_str(), 0666), 0);
    EXPECT_EQ(fault("home/fifo"), EINVAL) << "and nobody waited for a writer";
    EXPECT_EQ(fault("home"), EINVAL);
    fs::resize_file(root + "/home/own", kMostOfStateTest);
    EXPECT_EQ(fault("home/own"), 0);
    fs::resize_file(root + "/home/own", kMostOfStateTest + 1);
    EXPECT_EQ(open_state_file(root + "/home/own", kMostOfStateTest).error().message,
              root + "/home/own is larger than 1 MB");
}

}  // namespace
}  // namespace qemunit::ctl
