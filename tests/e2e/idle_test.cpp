// SPDX-License-Identifier: MIT
//
// IdleTimeout= of [VM]: nobody is there, and the VM ends. That one stays is seen by another
// one, started later, that has ended.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kIdle = "[VM]\nIdleTimeout=2s\n";

void wait_for_end(const VmUnderTest &vm) {
    auto ended = wait_for_state(vm.unit(), "inactive");
    EXPECT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

// All IdleTimeout= of another VM, and more.
void wait_longer_than_idle(const std::string &name) {
    VmUnderTest other(name, boot_sector_ini() + kIdle);
    ASSERT_TRUE(other.start().ok()) << other.status();
    wait_for_end(other);
}

UniqueFd connect_to_port(uint16_t port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0)
        << strerror(errno);
    return fd;
}

TEST(Idle, AVmThatNobodyUsesEnds) {
    VmUnderTest vm("idle", boot_sector_ini() + kIdle);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    wait_for_end(vm);
    EXPECT_NE(journalctl(vm.unit()).find("nobody has used the VM for IdleTimeout="),
              std::string::npos);
}

TEST(Idle, AClientKeepsItRunning) {
    for (const char *socket : {"serial", "monitor", "qmp"}) {
        VmUnderTest vm("idlekept", boot_sector_ini() + kIdle);
        ASSERT_TRUE(vm.enable_sockets().ok());
        {
            // It is there from the start, which it makes.
            auto client = UnixClient::connect(vm.socket(socket));
            ASSERT_TRUE(client) << client.error().message;
            ASSERT_TRUE(vm.start().ok()) << vm.status();
            wait_longer_than_idle("idleother");
            EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active") << socket;
        }
        wait_for_end(vm);
    }
}

TEST(Idle, AConnectionThroughAForwardKeepsItRunning) {
    VmUnderTest vm("idlefwd", boot_sector_ini() + kIdle +
                                  "[Network lan]\nHostForward=tcp:127.0.0.1:10081-:80\n");
    ASSERT_TRUE(vm.enable_sockets().ok());
    UniqueFd connection;
    {
        // Keeps it running until there is the connection.
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        connection = connect_to_port(10081);
    }
    wait_longer_than_idle("idleother");
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(Idle, TheNextClientStartsItAgain) {
    VmUnderTest vm("idledemand", boot_sector_ini() + kIdle);
    ASSERT_TRUE(vm.enable_sockets().ok());
    for (int times = 0; times < 2; ++times) {
        {
            auto client = UnixClient::connect(vm.socket("serial"));
            ASSERT_TRUE(client) << client.error().message;
            auto prompt = client->read_until("> ");
            EXPECT_TRUE(prompt) << prompt.error().message;
        }
        wait_for_end(vm);
    }
}

}  // namespace
}  // namespace qemunit::e2e
