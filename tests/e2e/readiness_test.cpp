// SPDX-License-Identifier: MIT
//
// Ready= of [VM]: when `systemctl start` returns, and what is seen when it does not.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kPrompt = "[VM]\nReady=serial:^guest# $\n";

Finished start_without_waiting(const VmUnderTest &vm) {
    return run({"systemctl", "start", "--no-block", vm.unit()});
}

void wait_for_status(const VmUnderTest &vm, const std::string &text) {
    auto seen = wait_for_property(vm.unit(), "StatusText", text);
    EXPECT_TRUE(seen) << seen.error().message;
}

// The console's lines in the journal by now.
std::vector<std::string> lines_by_now(Journal &journal) {
    run_words("journalctl --sync");
    return lines_of(journal.read_rest());
}

TEST(Readiness, AStartReturnsWhenTheConsoleHasTheLine) {
    VmUnderTest vm("prompt", silent_linux_ini() + kPrompt);
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::vector<std::string> lines = lines_by_now(journal);
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(std::ranges::count(lines, "guest# "), 1);
    expect_contains(unit_property(vm.unit(), "StatusText"), "Running, QEMU ");
    EXPECT_EQ(unit_property(vm.unit(), "TimeoutStartUSec"), "5min");
}

TEST(Readiness, AlsoWhereTheConsoleIsNotLogged) {
    VmUnderTest vm("unlogged", silent_linux_ini() +
                                   "[VM]\nReady=serial:guest ready: Linux [0-9.]+\n"
                                   "[Serial serial]\nLog=no\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(lines_by_now(journal), std::vector<std::string>{});
    GuestShell guest(vm);
    EXPECT_EQ(guest.run("hostname"), "guest\n");
}

TEST(Readiness, AnotherVmStartsAfterIt) {
    VmUnderTest first("first", silent_linux_ini() + kPrompt);
    VmUnderTest second("second", boot_sector_ini() + "[Unit]\nRequires=" + first.unit() +
                                     "\nAfter=" + first.unit() + "\n");
    Journal journal(first.unit());
    ASSERT_TRUE(start_without_waiting(second).ok());
    wait_for_status(first, "Started, waiting for a console line that matches '^guest# $'");
    EXPECT_EQ(unit_property(first.unit(), "ActiveState"), "activating");
    EXPECT_EQ(unit_property(second.unit(), "ActiveState"), "inactive");
    auto started = wait_for_state(second.unit(), "active");
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(unit_property(first.unit(), "ActiveState"), "active");
    EXPECT_EQ(std::ranges::count(lines_by_now(journal), "guest# "), 1);
}

TEST(Readiness, ALineThatNeverComesFailsTheStart) {
    VmUnderTest vm("never",
                   boot_sector_ini() + "[VM]\nReady=serial:no such line$\nStartTimeout=3s\n");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "timeout");
    const std::string status = vm.status().output;
    expect_contains(status,
                    "qemunit-helper: never ready: no console line matched 'no such line$'; the "
                    "last lines were:");
    expect_contains(status, "qemunit-helper: | ");
}

TEST(Readiness, AVmThatEndsBeforeItFailsTheStart) {
    VmUnderTest vm("short", silent_linux_ini() + "[VM]\nReady=serial:no such line$\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(start_without_waiting(vm).ok());
    auto prompt = journal.read_until_line("guest# ");
    ASSERT_TRUE(prompt) << prompt.error().message;
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    ASSERT_TRUE(monitor) << monitor.error().message;
    ASSERT_TRUE(monitor->send("quit\n"));
    auto failed = wait_for_state(vm.unit(), "failed");
    ASSERT_TRUE(failed) << failed.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "protocol");
    const std::string status = vm.status().output;
    expect_contains(status, "no console line matched 'no such line$'; the last lines were:");
    expect_contains(status, "| qemunit guest ready: Linux");
}

TEST(Readiness, AQemuThatCannotStartSaysOnlyWhy) {
    VmUnderTest vm("broken", boot_sector_ini() + kPrompt + "Arguments=-device nonsense\n");
    EXPECT_FALSE(vm.start().ok());
    const std::string status = vm.status().output;
    expect_contains(status, "'nonsense' is not a valid device model name");
    EXPECT_EQ(status.find("never ready"), std::string::npos) << status;
}

class ReadinessOfTheAgent : public testing::Test {
  protected:
    static std::string ini() {
        return silent_linux_ini() +
               "[VM]\nReady=agent\nGuestAgent=yes\n[Boot]\nInitrd=" + kGuestDir + "/initrd-agent\n";
    }
};

TEST_F(ReadinessOfTheAgent, AStartReturnsWhenItAnswers) {
    VmUnderTest vm("agent", ini());
    ASSERT_TRUE(start_without_waiting(vm).ok());
    wait_for_status(vm, "Started, waiting for the guest agent");
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "activating");
    GuestShell guest(vm);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "activating");
    // Its monitor need not wait for that.
    const BusReply meanwhile = monitor_command(vm.name(), "info status");
    EXPECT_NE(meanwhile.value.find("VM status: running"), std::string::npos) << meanwhile;
    const Finished state = run({"busctl", "get-property", "org.qemunit1",
                                "/org/qemunit1/vm/" + vm.name(), "org.qemunit1.VM", "State"});
    EXPECT_EQ(trimmed(state.output), "s \"starting\"");
    guest.start_agent();
    auto ready = wait_for_state(vm.unit(), "active");
    ASSERT_TRUE(ready) << ready.error().message << guest.run("cat /tmp/qga.log");

    // Its clients have it to themselves, several of them.
    auto one = UnixClient::connect(vm.socket("agent"));
    auto two = UnixClient::connect(vm.socket("agent"));
    ASSERT_TRUE(one && two);
    ASSERT_TRUE(one->send("{\"execute\":\"guest-sync\",\"arguments\":{\"id\":7}}\n"));
    auto answer = one->read_until("\n");
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, "{\"return\": 7}\n");
    ASSERT_TRUE(two->send("{\"execute\":\"guest-get-host-name\"}\n"));
    answer = two->read_until("host-name");
    ASSERT_TRUE(answer) << answer.error().message;
    expect_contains(*answer, "\"host-name");
}

TEST_F(ReadinessOfTheAgent, AnAgentThatNeverAnswersFailsTheStart) {
    VmUnderTest vm("noagent", ini() + "[VM]\nStartTimeout=5s\n");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "timeout");
    // The guest's last lines may come after it.
    run_words("journalctl --sync");
    expect_contains(run_words("journalctl --no-pager -u qemu@noagent").output,
                    "qemunit-helper: never ready: the guest agent did not answer;");
}

}  // namespace
}  // namespace qemunit::e2e
