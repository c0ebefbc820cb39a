// SPDX-License-Identifier: MIT
#include "helper/start/mounted.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "helper/handover/descriptor_store.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

namespace fs = std::filesystem;

class MountedTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string path = folder_ / "notify";
        systemd_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(bind(systemd_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
        fs::create_directory(folder_ / "share");
        std::ofstream(folder_ / "kernel") << "kernel";
        for (const std::string &path_of_one : paths_)
            found_.emplace(stored_mount_name(found_.size()),
                           UniqueFd(open(path_of_one.c_str(), O_PATH | O_CLOEXEC)));
    }
    void TearDown() override { unsetenv("NOTIFY_SOCKET"); }

    std::string fault() {
        const auto checked = check_mounted(paths_, found_);
        return checked ? "" : checked.error().message;
    }

    testing::TemporaryFolder folder_;
    std::vector<std::string> paths_{folder_ / "share", folder_ / "kernel"};
    UniqueFd systemd_;
    StoredFiles found_;
};

TEST_F(MountedTest, WhatWasFoundIsThere) {
    found_.emplace("lan", UniqueFd());
    EXPECT_EQ(fault(), "");
    EXPECT_EQ(found_.size(), 1u);
}

TEST_F(MountedTest, SomethingElseIsThere) {
    fs::rename(folder_ / "share", folder_ / "old");
    fs::create_directory(folder_ / "share");
    EXPECT_EQ(fault(), paths_[0] +
                           " leads to something else than it did a moment before: others than root "
                           "can change that; name a path that they cannot change");
}

TEST_F(MountedTest, AFileIsThereByALink) {
    fs::rename(folder_ / "kernel", folder_ / "old");
    std::ofstream(folder_ / "other") << "other";
    fs::create_symlink("other", folder_ / "kernel");
    EXPECT_TRUE(fault().starts_with(paths_[1] + " leads to something else"));
}

TEST_F(MountedTest, NothingIsThere) {
    fs::remove(folder_ / "kernel");
    EXPECT_EQ(fault(), "");
}

TEST_F(MountedTest, WhatWasNotFoundIsThere) {
    found_.erase(stored_mount_name(1));
    EXPECT_EQ(fault(),
              paths_[1] + " was not there when it was looked for, and is now; start the VM again");
}

}  // namespace
}  // namespace qemunit::helper
