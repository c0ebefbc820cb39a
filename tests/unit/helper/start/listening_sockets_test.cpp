// SPDX-License-Identifier: MIT
//
// What systemd passes, as sd_listen_fds(3) has it: fds from 3 on and two variables. Each
// test is a process of its own, since it has to give up its fds.
#include "helper/start/listening_sockets.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>

#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::bound_socket;
using testing::holds_in_child;
using testing::listening_socket;

// In the child: hands `fds` to ourselves, as systemd would.
void pass(std::vector<UniqueFd> fds) {
    constexpr int kOutOfTheWay = 100;
    std::vector<UniqueFd> copies;
    for (UniqueFd &fd : fds)
        copies.emplace_back(fcntl(fd.get(), F_DUPFD_CLOEXEC, kOutOfTheWay));
    fds.clear();
    int next = 3;
    for (const UniqueFd &fd : copies) {
        ASSERT_EQ(dup2(fd.get(), next), next);
        ++next;
    }
    setenv("LISTEN_FDS", std::to_string(copies.size()).c_str(), 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDNAMES", "monitor", 1);
}

std::vector<std::string> names(const ListeningSockets &sockets) {
    std::vector<std::string> result;
    for (const auto &[name, fd] : sockets)
        result.push_back(name);
    return result;
}

Result<ListeningSockets> take_sockets() {
    auto passed = take_passed_fds();
    if (!passed)
        return std::unexpected(passed.error());
    return std::move(passed->sockets);
}

class ListeningSocketsTest : public ::testing::Test {
  protected:
    UniqueFd listener(const std::string &name) const { return listening_socket(folder / name); }

    testing::TemporaryFolder folder;
};

using Names = std::vector<std::string>;

TEST_F(ListeningSocketsTest, AreNamedByTheirPathsInAnyOrder) {
    EXPECT_TRUE(holds_in_child([this] {
        std::vector<UniqueFd> fds;
        for (const char *name : {"serial.sock", "control.sock", "monitor.sock", "my.debug.sock"})
            fds.push_back(listener(name));
        pass(std::move(fds));
        const auto sockets = take_sockets();
        ASSERT_TRUE(sockets);
        EXPECT_EQ(names(*sockets), (Names{"control", "monitor", "my.debug", "serial"}));
        EXPECT_EQ(sockets->at("serial").get(), 3);
        EXPECT_EQ(sockets->at("control").get(), 4);
        EXPECT_TRUE(testing::Peer::connect(folder / "control.sock"));
    }));
}

TEST_F(ListeningSocketsTest, AreOursAlone) {
    EXPECT_TRUE(holds_in_child([this] {
        std::vector<UniqueFd> fds;
        fds.push_back(listener("serial.sock"));
        pass(std::move(fds));
        const auto sockets = take_sockets();
        ASSERT_TRUE(sockets);
        EXPECT_NE(fcntl(sockets->at("serial").get(), F_GETFD) & FD_CLOEXEC, 0);
        for (const char *name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"})
            EXPECT_EQ(getenv(name), nullptr) << name;
        EXPECT_FALSE(take_passed_fds());
    }));
}

TEST_F(ListeningSocketsTest, WhatIsNoneIsClosed) {
    EXPECT_TRUE(holds_in_child([this] {
        testing::SocketPair pair;
        std::vector<UniqueFd> fds;
        fds.push_back(bound_socket(folder / "datagram.sock", SOCK_DGRAM));
        fds.push_back(bound_socket(folder / "deaf.sock", SOCK_STREAM));
        fds.push_back(listener("without-suffix"));
        fds.push_back(std::move(pair.one));
        fds.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
        fds.push_back(listener("good.sock"));
        pass(std::move(fds));
        const auto sockets = take_sockets();
        ASSERT_TRUE(sockets);
        EXPECT_EQ(names(*sockets), Names{"good"});
        EXPECT_EQ(sockets->at("good").get(), 8);
        for (int fd = 3; fd < 8; ++fd)
            EXPECT_EQ(fcntl(fd, F_GETFD), -1) << fd;
    }));
}

TEST_F(ListeningSocketsTest, FilesThatWereStoredHaveTheirNames) {
    EXPECT_TRUE(holds_in_child([this] {
        std::vector<UniqueFd> fds;
        fds.push_back(listener("good.sock"));
        fds.emplace_back(open(folder.write("a", "x").c_str(), O_RDWR | O_CLOEXEC));
        fds.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
        fds.emplace_back(open(folder.write("b", "y").c_str(), O_RDONLY | O_CLOEXEC));
        fds.emplace_back(open(folder.write("c", "z").c_str(), O_RDONLY | O_CLOEXEC));
        pass(std::move(fds));
        setenv("LISTEN_FDNAMES", "good.sock:first:none:second", 1);
        const auto passed = take_passed_fds();
        ASSERT_TRUE(passed);
        EXPECT_EQ(names(passed->sockets), Names{"good"});
        EXPECT_EQ(names(passed->files), (Names{"first", "second"}));
        EXPECT_EQ(passed->files.at("second").get(), 6);
        EXPECT_NE(fcntl(6, F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_EQ(fcntl(7, F_GETFD), -1) << "one without a name";
    }));
}

constexpr const char *kNone =
    "systemd passed no listening sockets: this program is for ExecStart= of qemu@.service; if it "
    "was "
    "run as that, 'systemctl status qemu-monitor@NAME.socket' says why";

TEST_F(ListeningSocketsTest, NoneIsAnErrorThatSaysWhatToDo) {
    EXPECT_TRUE(holds_in_child([] {
        const auto sockets = take_sockets();
        ASSERT_FALSE(sockets);
        EXPECT_EQ(sockets.error().message, kNone);
    }));
    EXPECT_TRUE(holds_in_child([this] {
        std::vector<UniqueFd> fds;
        fds.push_back(listener("no-suffix"));
        pass(std::move(fds));
        const auto sockets = take_sockets();
        ASSERT_FALSE(sockets);
        EXPECT_EQ(sockets.error().message, kNone);
    }));
}

TEST_F(ListeningSocketsTest, ThoseOfAnotherProcessAreNotTaken) {
    EXPECT_TRUE(holds_in_child([this] {
        std::vector<UniqueFd> fds;
        fds.push_back(listener("serial.sock"));
        pass(std::move(fds));
        setenv("LISTEN_PID", "1", 1);
        EXPECT_FALSE(take_passed_fds());
        EXPECT_NE(fcntl(3, F_GETFD), -1);
    }));
}

TEST_F(ListeningSocketsTest, ACountThatIsNoneIsAnError) {
    EXPECT_TRUE(holds_in_child([] {
        setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        setenv("LISTEN_FDS", "many", 1);
        const auto sockets = take_sockets();
        ASSERT_FALSE(sockets);
        EXPECT_TRUE(sockets.error().message.starts_with("cannot take the sockets from systemd: "))
            << sockets.error().message;
    }));
}

}  // namespace
}  // namespace qemunit::helper
