// SPDX-License-Identifier: MIT
//
// The filters, each in a process of its own, which keeps it.
#include "helper/handover/system_calls.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/unique_fd.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::holds_in_child;

int error_of(long result) {
    return result < 0 ? errno : 0;
}

int socket_error(int family, int type) {
    return error_of(UniqueFd(socket(family, type, 0)).get());
}

int pair_error(int type) {
    int fds[2];
    return error_of(socketpair(AF_UNIX, type, 0, fds));
}

TEST(SystemCalls, QemuMakesNoDatagramSockets) {
    EXPECT_TRUE(holds_in_child([] {
        ASSERT_TRUE(filter_qemu({}));
        for (const int flags : {0, int{SOCK_CLOEXEC}, SOCK_NONBLOCK | SOCK_CLOEXEC}) {
            for (const int type : {SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
                EXPECT_EQ(socket_error(AF_UNIX, type | flags), EPERM) << type;
                EXPECT_EQ(pair_error(type | flags), EPERM) << type;
            }
            EXPECT_EQ(socket_error(AF_UNIX, SOCK_STREAM | flags), 0);
            EXPECT_EQ(pair_error(SOCK_STREAM | flags), 0);
        }
        EXPECT_EQ(socket_error(AF_INET, SOCK_DGRAM), 0);
        // The kernel looks at 32 bits of a register.
        constexpr long kHigh = 1L << 32;
        EXPECT_EQ(error_of(syscall(SYS_socket, kHigh | AF_UNIX, kHigh | SOCK_DGRAM, 0)), EPERM);
    }));
}

TEST(SystemCalls, QemuHearsOfDevicesAndNothingElseByNetlink) {
    EXPECT_TRUE(holds_in_child([] {
        ASSERT_TRUE(filter_qemu({}));
        const auto error = [](int protocol) {
            return error_of(UniqueFd(socket(AF_NETLINK, SOCK_RAW, protocol)).get());
        };
        EXPECT_EQ(error(NETLINK_KOBJECT_UEVENT), 0);
        for (const int protocol : {NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_AUDIT, NETLINK_CRYPTO})
            EXPECT_EQ(error(protocol), EAFNOSUPPORT) << protocol;
    }));
}

// What `run` shows to the guest has sockets of other programs.
TEST(SystemCalls, QemuOfACallerHasTheSocketsThatItWasGivenAlone) {
    const testing::TemporaryFolder folder;
    EXPECT_TRUE(holds_in_child([&] {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder / "socket";
        ASSERT_LT(path.size(), sizeof address.sun_path);
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const auto *const named = reinterpret_cast<const sockaddr *>(&address);
        const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM, 0)),
            early(socket(AF_UNIX, SOCK_STREAM, 0)), client(socket(AF_UNIX, SOCK_STREAM, 0)),
            unbound(socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(error_of(bind(listener.get(), named, sizeof address)), 0);
        ASSERT_EQ(error_of(listen(listener.get(), 2)), 0);
        ASSERT_EQ(error_of(connect(early.get(), named, sizeof address)), 0);
        ASSERT_TRUE(filter_qemu({}, MakesSockets::no));
        EXPECT_EQ(error_of(connect(client.get(), named, sizeof address)), EPERM);
        EXPECT_EQ(error_of(bind(unbound.get(), named, sizeof address)), EPERM);
        for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_VSOCK})
            EXPECT_EQ(socket_error(family, SOCK_STREAM), EPERM) << family;
        EXPECT_EQ(pair_error(SOCK_STREAM), 0);
        EXPECT_EQ(pair_error(SOCK_DGRAM), EPERM);
        // A debugger's.
        EXPECT_EQ(error_of(UniqueFd(accept(listener.get(), nullptr, nullptr)).get()), 0);
    }));
}

TEST(SystemCalls, QemuTypesIntoNoTerminal) {
    EXPECT_TRUE(holds_in_child([] {
        char text[] = "x";
        ASSERT_EQ(error_of(ioctl(STDIN_FILENO, TIOCSTI, text)), ENOTTY);
        ASSERT_TRUE(filter_qemu({}));
        EXPECT_EQ(error_of(ioctl(STDIN_FILENO, TIOCSTI, text)), EPERM);
        EXPECT_EQ(error_of(ioctl(STDIN_FILENO, TIOCLINUX, text)), EPERM);
        EXPECT_EQ(error_of(syscall(SYS_ioctl, STDIN_FILENO, (1L << 32) | TIOCSTI, text)), EPERM);
        EXPECT_EQ(error_of(ioctl(STDIN_FILENO, TIOCGWINSZ, text)), ENOTTY);
    }));
}

TEST(SystemCalls, QemuExecutesWhatHasTheseAddressesAlone) {
    EXPECT_TRUE(holds_in_child([] {
        static char name[] = "/no/such/program", other[] = "/no/such/program";
        static char *words[] = {name, nullptr}, *variables[] = {nullptr, nullptr};
        ASSERT_TRUE(filter_qemu({name, words, variables}));
        EXPECT_EQ(error_of(execve(name, words, variables)), ENOENT);
        EXPECT_EQ(error_of(execve(other, words, variables)), EACCES);
        EXPECT_EQ(error_of(execve(name, words + 1, variables)), EACCES);
        EXPECT_EQ(error_of(execve(name, words, variables + 1)), EACCES);
        EXPECT_EQ(error_of(syscall(SYS_execveat, -1, name, words, variables, 0)), EACCES);
    }));
}

TEST(SystemCalls, TheCompanionExecutesNothingAndSendsDatagrams) {
    EXPECT_TRUE(holds_in_child([] {
        static char name[] = "/bin/true", *words[] = {name, nullptr};
        ASSERT_TRUE(filter_companion());
        EXPECT_EQ(error_of(execve(name, words, environ)), EACCES);
        EXPECT_EQ(error_of(syscall(SYS_execveat, -1, name, words, environ, 0)), EACCES);
        EXPECT_EQ(socket_error(AF_UNIX, SOCK_DGRAM), 0);
    }));
}

}  // namespace
}  // namespace qemunit::helper
