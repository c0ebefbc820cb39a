// SPDX-License-Identifier: MIT
//
// `qemunitctl migrate` of a Linux guest that talks to others over a bridge: its connections go on,
// and its programs notice nothing. Between two VMs of one host, by an ssh that runs its command
// here.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/process.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kBridgedFolder[] = "/run/migratebridged";

UniqueFd connect_to_guest(const char *address, uint16_t port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(port);
    inet_pton(AF_INET, address, &peer.sin_addr);
    if (connect(fd.get(), reinterpret_cast<sockaddr *>(&peer), sizeof peer) != 0)
        fd.reset();
    return fd;
}

std::string echo(const UniqueFd &connection, const std::string &line) {
    if (send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
        return "cannot send";
    std::string back(line.size(), '\0');
    const ssize_t n = recv(connection.get(), back.data(), back.size(), MSG_WAITALL);
    back.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return back;
}

TEST(MigrateOverABridge, AConnectionGoesOn) {
    fs::create_directories(kBridgedFolder);
    const std::string ssh = std::string(kBridgedFolder) + "/ssh";
    write_file(ssh,
               "#!/bin/bash\nwhile [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done\n"
               "shift; exec \"$@\"\n");
    fs::permissions(ssh, fs::perms::owner_all);
    const std::string ini = silent_linux_ini() + "[Network lan]\nType=bridge\nBridge=vmbr7\n";
    const VmUnderTest from("bridgefrom", ini), to("bridgeto", ini);
    ASSERT_TRUE(from.start().ok()) << from.status();
    ASSERT_TRUE(run_words("ip address add 10.97.0.1/24 dev vmbr7").ok());
    {
        GuestShell shell(from);
        shell.run("modprobe -a virtio_pci virtio_net");
        shell.run("ifconfig eth0 10.97.0.2 up");
        shell.run("(nc -l -p 7 -e /bin/cat &) </dev/null >/dev/null 2>&1; x=kept");
    }
    UniqueFd connection;
    for (Deadline deadline; !connection && !deadline.passed();)
        connection = connect_to_guest("10.97.0.2", 7);
    ASSERT_TRUE(connection);
    ASSERT_EQ(echo(connection, "before\n"), "before\n");
    const Finished moved =
        run({"bash", "-c",
             "PATH=" + std::string(kBridgedFolder) +
                 ":$PATH qemunitctl migrate bridgefrom elsewhere --to bridgeto"});
    ASSERT_TRUE(moved.ok()) << moved;
    EXPECT_EQ(echo(connection, "behind\n"), "behind\n");
    EXPECT_EQ(GuestShell::of_resumed(to).run("echo $x"), "kept\n");
    EXPECT_TRUE(to.stop().ok());
    for (const char *vm : {"bridgefrom", "bridgeto"})
        fs::remove_all(std::string("/var/lib/qemunit/") + vm);
    fs::remove_all(kBridgedFolder);
}

}  // namespace
}  // namespace qemunit::e2e
