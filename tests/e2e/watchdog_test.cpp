// SPDX-License-Identifier: MIT
//
// WatchdogSec= of a VM's unit: QEMU that is at work lives, QEMU that hangs does not.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/slowed.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

using namespace std::chrono_literals;

std::string watched(const std::string &ini, const char *time) {
    return ini + "[Service]\nWatchdogSec=" + time + "\nTimeoutAbortSec=1s\nRestart=on-watchdog\n";
}

// As snapshots of a big guest on a slow disk are: QEMU answers nobody meanwhile.
TEST(WatchdogSec, ASnapshotThatTakesLongerIsNoReason) {
    VmUnderTest vm("watchsnap",
                   watched(boot_sector_ini("fill.img") + "[Drive data]\nFile=data.qcow2\nSize=16M\n"
                                                         "[VM]\nMemory=256M\n",
                           "2s"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->read_until("press a key"));
        ASSERT_TRUE(serial->send("x"));
        ASSERT_TRUE(serial->read_until("filled"));
    }
    const pid_t qemu = vm.main_pid();
    for (const char *member : {"SaveSnapshot", "LoadSnapshot", "DeleteSnapshot"}) {
        const Slowed slowed(qemu, 5ms, 95ms);
        const BusReply reply = call_vm(vm.name(), member, "slow");
        EXPECT_EQ(reply.error, "") << member << ": " << reply;
    }
    EXPECT_EQ(vm.main_pid(), qemu) << journalctl(vm.unit());
    EXPECT_NE(journalctl(vm.unit()).find("QEMU does not answer, but is at work"),
              std::string::npos);
}

// Its main loop, that is, while its guest has all that a CPU has.
TEST(WatchdogSec, AQemuThatHangsUnderABusyGuestIsKilled) {
    VmUnderTest vm("watchspin", watched(boot_sector_ini(), "5s"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->read_until("> "));
    ASSERT_TRUE(serial->send("spin\r"));
    ASSERT_TRUE(serial->read_until("spin"));
    const pid_t qemu = vm.main_pid();
    ASSERT_EQ(ptrace(PTRACE_SEIZE, qemu, nullptr, nullptr), 0) << strerror(errno);
    ASSERT_EQ(ptrace(PTRACE_INTERRUPT, qemu, nullptr, nullptr), 0) << strerror(errno);
    // systemd hears of its end after whoever has traced it.
    int status = 0;
    EXPECT_TRUE(wait_until(
        [&] { return waitpid(qemu, &status, __WALL | WNOHANG) == qemu && WIFSIGNALED(status); }));
    line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_NE(vm.main_pid(), qemu);
    EXPECT_EQ(unit_property(vm.unit(), "NRestarts"), "1");
}

}  // namespace
}  // namespace qemunit::e2e
