// SPDX-License-Identifier: MIT
//
// Against a socket of our own in systemd's place.
#include "helper/handover/descriptor_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "common/unique_fd.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

class DescriptorStoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string path = folder / "notify";
        systemd = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(bind(systemd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    void TearDown() override { unsetenv("NOTIFY_SOCKET"); }

    // The text of one message; its descriptor is in `received`.
    std::string receive() {
        char text[256];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        iovec part{text, sizeof text};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t n = recvmsg(systemd.get(), &message, MSG_CMSG_CLOEXEC);
        received.reset();
        if (const cmsghdr *header = CMSG_FIRSTHDR(&message)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
            received = UniqueFd(fd);
        }
        return {text, n < 0 ? 0 : static_cast<std::size_t>(n)};
    }

    testing::TemporaryFolder folder;
    UniqueFd systemd, received;
};

TEST_F(DescriptorStoreTest, TheFileGoesWithItsName) {
    const UniqueFd file(open(folder.write("a", "x").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(store_descriptor("disk", file.get()));
    EXPECT_EQ(receive(), "FDSTORE=1\nFDPOLL=0\nFDNAME=disk");
    struct stat one {
    }, other{};
    ASSERT_EQ(fstat(file.get(), &one), 0);
    ASSERT_EQ(fstat(received.get(), &other), 0);
    EXPECT_EQ(one.st_ino, other.st_ino);
    ASSERT_TRUE(remove_stored("disk"));
    EXPECT_EQ(receive(), "FDSTOREREMOVE=1\nFDNAME=disk");
    EXPECT_FALSE(received);
}

TEST_F(DescriptorStoreTest, SystemdIsWaitedForWithADeadline) {
    std::jthread answers([this] {
        EXPECT_EQ(receive(), "BARRIER=1");
        received.reset();
    });
    EXPECT_TRUE(wait_for_store(30));
    answers.join();
    const auto waited = wait_for_store(1);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
}

TEST_F(DescriptorStoreTest, WithoutSystemdThereIsNoStore) {
    for (const char *none : {"", "relative", "@"}) {
        setenv("NOTIFY_SOCKET", none, 1);
        EXPECT_EQ(remove_stored("disk").error().code, ENOTCONN) << none;
    }
    setenv("NOTIFY_SOCKET", (folder / "gone").c_str(), 1);
    EXPECT_EQ(remove_stored("disk").error().code, ENOENT);
}

}  // namespace
}  // namespace qemunit::helper
