// SPDX-License-Identifier: MIT
#include "helper/start/incoming.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/qmp/qmp_client.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

const Move kMove{"0123456789abcdef0123456789abcdef", "host1", "vm1"};

// As systemd hands it over.
UniqueFd listener_at(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd.get(), 8), 0);
    return fd;
}

TEST(IncomingTest, WithoutItsSocketAVmBoots) {
    ListeningSockets sockets;
    const auto incoming = take_incoming(sockets);
    ASSERT_TRUE(incoming);
    EXPECT_FALSE(*incoming);
}

TEST(IncomingTest, TakesTheLineAndNothingBehindIt) {
    const testing::TemporaryFolder folder;
    ListeningSockets sockets;
    sockets["migrate"] = listener_at(folder / "migrate.sock");
    const auto source = connect_unix(folder / "migrate.sock");
    ASSERT_TRUE(source);
    const std::string said = incoming_line(kMove, "pc-q35-7.2", "tcg") + "QEVM";
    ASSERT_EQ(send(source->get(), said.data(), said.size(), 0), ssize_t(said.size()));
    auto incoming = take_incoming(sockets);
    ASSERT_TRUE(incoming) << incoming.error().message;
    ASSERT_TRUE(*incoming);
    EXPECT_EQ((*incoming)->move.token, kMove.token);
    EXPECT_EQ((*incoming)->move.host, "host1");
    EXPECT_EQ((*incoming)->machine, "pc-q35-7.2");
    char rest[16];
    EXPECT_EQ(recv((*incoming)->connection.get(), rest, sizeof rest, 0), 4);
    EXPECT_TRUE(sockets.empty());
}

TEST(IncomingTest, DisksThatComeAlongHaveASocketOfTheirOwn) {
    const testing::TemporaryFolder folder;
    ListeningSockets sockets;
    const std::string said = incoming_line(kMove, "pc-q35-7.2", "tcg", "root:1:2:4,data:1:3:0");
    for (const bool has_socket : {false, true}) {
        sockets["migrate"] = listener_at(folder / (has_socket ? "migrate.sock" : "other.sock"));
        if (has_socket)
            sockets["migrate-disks"] = listener_at(folder / "migrate-disks.sock");
        const auto source = connect_unix(folder / (has_socket ? "migrate.sock" : "other.sock"));
        ASSERT_TRUE(source);
        ASSERT_EQ(send(source->get(), said.data(), said.size(), 0), ssize_t(said.size()));
        auto incoming = take_incoming(sockets);
        ASSERT_EQ(incoming.has_value(), has_socket);
        if (!has_socket)
            continue;
        EXPECT_EQ(copied_images_text((*incoming)->copies), "root:1:2:4,data:1:3:0");
        EXPECT_TRUE((*incoming)->copy_listener);
        EXPECT_TRUE(sockets.empty());
    }
    EXPECT_FALSE(parse_incoming("0123456789abcdef0123456789abcdef vm1 host1 q35 tcg root:1"));
}

// The guest has come, and has ended since: the VM is one like any other.
TEST(IncomingTest, ASocketThatWasShutDownIsSpent) {
    const testing::TemporaryFolder folder;
    ListeningSockets sockets;
    sockets["migrate"] = listener_at(folder / "migrate.sock");
    ASSERT_EQ(shutdown(sockets["migrate"].get(), SHUT_RDWR), 0);
    const auto incoming = take_incoming(sockets);
    ASSERT_TRUE(incoming);
    EXPECT_FALSE(*incoming);
}

TEST(IncomingTest, WhoeverEndsBeforeTheLineBringsNothing) {
    const testing::TemporaryFolder folder;
    ListeningSockets sockets;
    sockets["migrate"] = listener_at(folder / "migrate.sock");
    connect_unix(folder / "migrate.sock")->reset();
    const auto incoming = take_incoming(sockets);
    ASSERT_FALSE(incoming);
    EXPECT_EQ(incoming.error().message, "`qemunitctl receive` has ended");
}

TEST(IncomingTest, WhatIsNoVmIsRefused) {
    const std::string good = "0123456789abcdef0123456789abcdef vm1 host1 pc-q35-7.2 tcg";
    EXPECT_TRUE(parse_incoming(good));
    for (const char *line :
         {"", "0123456789abcdef0123456789abcdef vm1 host1 pc-q35-7.2",
          "0123456789abcdef0123456789abcdef ../vm1 host1 pc-q35-7.2 tcg",
          "0123456789abcdef0123456789abcdef vm1 host1 q35,accel=x tcg",
          "0123456789abcdef0123456789abcdef vm1 host1 q35 xen", "abc vm1 host1 q35 tcg"})
        EXPECT_FALSE(parse_incoming(line)) << line;
}

TEST(IncomingTest, TheMachineIsTheSources) {
    const auto incoming =
        parse_incoming("0123456789abcdef0123456789abcdef vm1 host1 pc-q35-7.2 tcg");
    std::vector<std::string> command{"/usr/bin/qemu", "-machine", "q35,usb=off", "-m", "1G"};
    ASSERT_TRUE(take_over_machine(*incoming, command, false));
    EXPECT_EQ(command[2], "pc-q35-7.2,usb=off");
    const auto other = take_over_machine(*incoming, command, true);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().message,
              "the guest runs by emulation (TCG) on host1, and would by KVM here; Accelerator= in "
              "both ini files has to be the same");
}

}  // namespace
}  // namespace qemunit::helper
