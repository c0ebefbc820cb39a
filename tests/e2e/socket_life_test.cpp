// SPDX-License-Identifier: MIT
//
// A VM's sockets live and die with it, or stay and boot it; nobody hangs, and nothing
// restarts by itself.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

void expect_no_sockets(const VmUnderTest &vm) {
    const auto gone = vm.wait_until_sockets_are_gone();
    EXPECT_TRUE(gone) << gone.error().message;
}

// At each socket one that is served, and two in the queue, which is all that QEMU's own
// sockets have room for.
std::vector<UnixClient> crowd(const VmUnderTest &vm) {
    std::vector<UnixClient> clients;
    for (const char *socket : {"monitor", "qmp", "serial"}) {
        for (int i = 0; i < 3; ++i) {
            auto client = UnixClient::connect(vm.socket(socket));
            EXPECT_TRUE(client) << socket << " " << i << ": " << client.error().message;
            if (!client)
                continue;
            // Out of the queue before the next one comes.
            if (i == 0) {
                EXPECT_TRUE(client->read_until(" "));
            }
            clients.push_back(std::move(*client));
        }
    }
    return clients;
}

void expect_hung_up(std::vector<UnixClient> &clients) {
    for (UnixClient &client : clients) {
        auto end = client.read_to_end();
        EXPECT_TRUE(end) << end.error().message;
    }
}

TEST(SocketLife, NothingIsLeftAfterStop) {
    VmUnderTest vm("life-stop", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok());
    expect_no_sockets(vm);
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

TEST(SocketLife, NothingIsLeftAfterTheGuestPowersOff) {
    VmUnderTest vm("life-off", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("> "));
    ASSERT_TRUE(client->send("off\r"));
    EXPECT_TRUE(client->read_to_end());
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    expect_no_sockets(vm);
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

TEST(SocketLife, NothingIsLeftAfterQemuIsKilled) {
    VmUnderTest vm("life-kill", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    kill(vm.main_pid(), SIGKILL);
    EXPECT_TRUE(client->read_to_end());
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
    expect_no_sockets(vm);
}

TEST(SocketLife, NothingIsLeftAfterAFailedStart) {
    VmUnderTest vm("life-fail", boot_sector_ini() + "[VM]\nArguments=-device flux-capacitor\n");
    EXPECT_FALSE(vm.start().ok());
    expect_no_sockets(vm);
}

// systemd stops the sockets after the VM, and systemctl waits for the VM alone.
TEST(SocketLife, WhoConnectsRightAfterStopBootsNothing) {
    VmUnderTest vm("life-late", boot_sector_ini() + "[VM]\nStop=quit\n");
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const std::string run = unit_property(vm.unit(), "InvocationID");
        ASSERT_TRUE(vm.stop().ok());
        for (const char *socket : {"serial", "monitor"})
            if (auto client = UnixClient::connect(vm.socket(socket))) {
                EXPECT_TRUE(client->read_to_end()) << i;
            }
        ASSERT_NO_FATAL_FAILURE(expect_no_sockets(vm));
        EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive") << i;
        const std::string now = unit_property(vm.unit(), "InvocationID");
        EXPECT_TRUE(now.empty() || now == run) << i;
    }
}

// What qemunit(7) says to scripts.
TEST(SocketLife, AStopOfAllThreeIsSilentAndLeavesNoSocket) {
    VmUnderTest vm("life-three", boot_sector_ini() + "[VM]\nStop=quit\n");
    std::vector<std::string> command{"systemctl", "stop", vm.unit()};
    for (const std::string &socket : vm.socket_units())
        command.push_back(socket);
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const Finished stop = run(command);
        for (const char *socket : {"monitor", "qmp", "control", "companion", "serial"})
            EXPECT_FALSE(UnixClient::connect(vm.socket(socket))) << socket << " " << i;
        EXPECT_TRUE(stop.ok() && stop.output.empty()) << stop;
    }
}

TEST(SocketLife, AVmStartsAgainAsOftenAsAsked) {
    VmUnderTest vm("life-again", boot_sector_ini());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        EXPECT_TRUE(client->read_until("qemunit guest ready\r\n> "));
        ASSERT_TRUE(vm.stop().ok());
    }
    const Finished restart = vm.systemctl("restart");
    EXPECT_TRUE(restart.ok()) << restart << vm.status();
    EXPECT_TRUE(UnixClient::connect(vm.socket("monitor")));
}

// systemd counts the starts of what it has in memory, as it has an enabled VM. Who lifts the limit
// for the VM does not think of its sockets.
TEST(SocketLife, TheSocketsHaveNoStartLimitOfTheirOwn) {
    VmUnderTest vm("life-often", boot_sector_ini() + "[Unit]\nStartLimitIntervalSec=0\n");
    const std::string holder = "life-often-holder.service";
    const Finished hold = run_words("systemd-run --quiet --unit=" + holder +
                                    " --property=After=" + vm.unit() + " --remain-after-exit true");
    ASSERT_TRUE(hold.ok()) << hold;
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(vm.start().ok()) << i << vm.status();
        ASSERT_TRUE(vm.stop().ok());
    }
    EXPECT_TRUE(run_words("systemctl stop " + holder).ok());
}

TEST(SocketLife, QueuedClientsAreHungUpOnAndNothingRestarts) {
    VmUnderTest vm("life-queue", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto clients = crowd(vm);
    ASSERT_TRUE(vm.stop().ok());
    expect_hung_up(clients);
    expect_no_sockets(vm);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
}

TEST(SocketLife, QueuedClientsBootNothingAtEnabledSocketsEither) {
    VmUnderTest vm("life-queue2", boot_sector_ini());
    const Finished enable = vm.enable_sockets();
    ASSERT_TRUE(enable.ok()) << enable;
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string run = unit_property(vm.unit(), "InvocationID");
    auto clients = crowd(vm);
    ASSERT_TRUE(vm.stop().ok());
    expect_hung_up(clients);
    for (const std::string &unit : vm.socket_units()) {
        auto listening = wait_for_state(unit, "active");
        EXPECT_TRUE(listening) << listening.error().message;
    }
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
    EXPECT_EQ(unit_property(vm.unit(), "InvocationID"), run);

    // The same when the VM ends by itself.
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string second_run = unit_property(vm.unit(), "InvocationID");
    clients = crowd(vm);
    call_vm(vm.name(), "Quit");
    expect_hung_up(clients);
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "InvocationID"), second_run);
}

TEST(SocketLife, AConnectToAnEnabledSocketBootsTheVmEachTime) {
    VmUnderTest vm("life-boot", boot_sector_ini());
    const Finished enable = vm.enable_sockets();
    ASSERT_TRUE(enable.ok()) << enable;
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
    for (int i = 0; i < 3; ++i) {
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        auto banner = client->read_until("qemunit guest ready\r\n> ");
        ASSERT_TRUE(banner) << banner.error().message << vm.status();
        ASSERT_TRUE(client->send("off\r"));
        EXPECT_TRUE(client->read_to_end());
        auto off = wait_for_state(vm.unit(), "inactive");
        ASSERT_TRUE(off) << off.error().message;
    }
    // And by the monitor, for programs that want no console.
    auto qmp = UnixClient::connect(vm.socket("qmp"));
    ASSERT_TRUE(qmp) << qmp.error().message;
    auto greeting = qmp->read_until("{\"QMP\"");
    EXPECT_TRUE(greeting) << greeting.error().message << vm.status();
    // Off for good when the sockets are off.
    run({"systemctl", "disable", "--quiet", "--now", vm.socket_units()[0], vm.socket_units()[1]});
    vm.stop();
    expect_no_sockets(vm);
}

TEST(SocketLife, AVmThatCannotBootHangsUpOnTheClientWhoTried) {
    VmUnderTest vm("life-broken", boot_sector_ini() + "[VM]\nArguments=-device flux-capacitor\n");
    ASSERT_TRUE(vm.enable_sockets().ok());
    for (int i = 0; i < 2; ++i) {
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        auto end = client->read_to_end();
        EXPECT_TRUE(end) << end.error().message;
        auto failed = wait_for_state(vm.unit(), "failed");
        EXPECT_TRUE(failed) << failed.error().message;
        // Once per client, not until systemd loses patience.
        for (const std::string &unit : vm.socket_units())
            EXPECT_EQ(unit_property(unit, "ActiveState"), "active") << unit;
    }
}

// What TROUBLESHOOTING in qemunit(7) says of it.
TEST(SocketLife, ASocketThatSystemdGaveUpComesBackWhenTheVmIsReset) {
    VmUnderTest vm("life-given-up", boot_sector_ini() +
                                        "[VM]\nArguments=-device flux-capacitor\n"
                                        "[Unit]\nStartLimitIntervalSec=1h\n");
    ASSERT_TRUE(vm.enable_sockets().ok());
    const std::string serial = vm.socket_units().back();
    // Not each of them starts the VM: who comes while the last start ends is hung up on with it.
    for (int i = 0; i < 100 && unit_property(serial, "ActiveState") != "failed"; ++i)
        if (auto client = UnixClient::connect(vm.socket("serial"))) {
            EXPECT_TRUE(client->read_to_end()) << i;
        }
    EXPECT_EQ(unit_property(serial, "Result"), "service-start-limit-hit");

    ASSERT_TRUE(run({"systemctl", "reset-failed", vm.unit(), serial}).ok());
    ASSERT_TRUE(run({"systemctl", "start", serial}).ok());
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_TRUE(client->read_to_end());
    EXPECT_EQ(unit_property(serial, "ActiveState"), "active");
}

}  // namespace
}  // namespace qemunit::e2e
