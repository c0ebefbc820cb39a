// SPDX-License-Identifier: MIT
#include "ctl/console/socket_clients.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/qmp/qmp_client.h"
#include "common/unique_fd.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

TEST(SocketClientsTest, AllButOurselves) {
    const testing::TemporaryFolder folder;
    const std::string path = folder / "serial.sock";
    const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener.get(), 8), 0);
    const auto own = connect_unix(path);
    ASSERT_TRUE(own) << own.error().message;
    const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
    EXPECT_EQ(clients_of(path).count, 0u);

    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const UniqueFd reading(ready[0]);
    UniqueFd writing(ready[1]);
    const pid_t child = fork();
    if (child == 0) {
        const auto other = connect_unix(path);
        (void)!write(writing.get(), other ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    char connected = 0;
    ASSERT_EQ(read(reading.get(), &connected, 1), 1);
    const UniqueFd accepted_too(accept(listener.get(), nullptr, nullptr));
    const SocketClients clients = clients_of(path);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(connected, 'y');
    if (clients.count == 0)
        GTEST_SKIP() << "this kernel does not tell (CONFIG_UNIX_DIAG)";
    EXPECT_EQ(clients.count, 1u);
    ASSERT_EQ(clients.people.size(), 1u);
    EXPECT_NE(clients.people[0].find("(PID " + std::to_string(child) + ")"), std::string::npos)
        << clients.people[0];
}

TEST(SocketClientsTest, WhatIsSaidOfThem) {
    EXPECT_EQ(clients_text({0, {}}), "");
    EXPECT_EQ(clients_text({1, {}}), "one other client");
    EXPECT_EQ(clients_text({3, {}}), "3 other clients");
    EXPECT_EQ(clients_text({2, {"socat (PID 7)", "nc (PID 8)"}}), "socat (PID 7), nc (PID 8)");
}

}  // namespace
}  // namespace qemunit::ctl
