// SPDX-License-Identifier: MIT
//
// `systemctl freeze` and `thaw`: all processes of a VM stand still, and go on where they were.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

std::string freezer_file(const VmUnderTest &vm, const std::string &name) {
    return read_file("/sys/fs/cgroup" + unit_property(vm.unit(), "ControlGroup") + "/" + name);
}

void freeze(const VmUnderTest &vm) {
    const Finished freeze = vm.systemctl("freeze");
    ASSERT_TRUE(freeze.ok()) << freeze;
    EXPECT_EQ(unit_property(vm.unit(), "FreezerState"), "frozen");
    expect_contains(freezer_file(vm, "cgroup.events"), "frozen 1\n");
}

// utime and stime of proc(5)'s stat, of all processes of the VM, beside their ids.
std::string cpu_times(const VmUnderTest &vm) {
    std::vector<pid_t> pids = vm.other_pids();
    pids.push_back(vm.main_pid());
    std::ostringstream times;
    for (pid_t pid : pids) {
        const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
        std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
        const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
        if (words.size() > 12)
            times << pid << ": " << words[11] << " " << words[12] << "\n";
    }
    return times.str();
}

// Since 256, systemd does nothing to a unit that is frozen. What dies all the same is "frozen"
// until the next boot, and starts no more (https://github.com/systemd/systemd/pull/41842).
bool systemd_leaves_frozen_units_alone() {
    const Finished version = run({"systemctl", "--version"});  // "systemd 252 (252.39-1~deb12u1)"
    std::istringstream words(version.output);
    std::string name;
    unsigned number = 0;
    words >> name >> number;
    EXPECT_GE(number, 252U) << version;
    return number >= 256;
}

// The lines of a guest that counts, in the order in which they are logged.
class Count {
  public:
    // Expects that each is the one after the one before; how many there were.
    std::size_t add(const std::vector<JournalEntry> &entries) {
        std::size_t counted = 0;
        for (const std::string &line : lines_of(entries)) {
            if (line.find_first_not_of("0123456789") != std::string::npos)
                continue;
            EXPECT_EQ(std::stoul(line), ++last_) << line;
            ++counted;
        }
        return counted;
    }
    std::string next() const {
        std::ostringstream number;
        number.width(7);
        number.fill('0');
        number << last_ + 1;
        return number.str();
    }

  private:
    unsigned long last_ = 0;
};

TEST(Freezer, AFrozenVmStandsStillAndGoesOnWhereItWas) {
    VmUnderTest vm("frozen", boot_sector_ini("flood.img"));
    VmUnderTest other("unfrozen", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    auto asked = serial->read_until("?");
    ASSERT_TRUE(asked) << asked.error().message;
    ASSERT_TRUE(serial->send("9999999\r"));
    Count count;
    auto lines = journal.read_until_line("0000100");
    ASSERT_TRUE(lines) << lines.error().message;
    count.add(*lines);

    freeze(vm);
    // Its companion is in the same control group, and what QEMU printed last may still be in there.
    std::istringstream procs(freezer_file(vm, "cgroup.procs"));
    EXPECT_EQ(std::vector<pid_t>(std::istream_iterator<pid_t>(procs), {}).size(), 3U);
    count.add(journal.read_rest());
    const std::string times = cpu_times(vm);
    while (!serial->read_some(65536).empty()) {
    }
    auto qmp = UnixClient::connect(vm.socket("qmp"));
    ASSERT_TRUE(qmp) << qmp.error().message;

    // Whoever asks it gets no answer, and whoever asks another one does.
    PendingCall stuck(vm.name(), "MonitorCommand", "info status");
    expect_contains(monitor_command(other.name(), "info status").value, "running");
    const Finished list = run_words("qemunitctl list");
    EXPECT_TRUE(list.ok() && list.says("\nfrozen ")) << list;
    EXPECT_FALSE(stuck.is_answered());
    const BusReply reply = stuck.wait();
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Timeout") << reply;

    // In all that time, nothing happened.
    EXPECT_EQ(count.add(journal.read_rest()), 0U);
    EXPECT_EQ(cpu_times(vm), times);
    EXPECT_EQ(serial->read_some(65536), "");
    EXPECT_EQ(qmp->read_some(65536), "");

    const Finished thaw = vm.systemctl("thaw");
    ASSERT_TRUE(thaw.ok()) << thaw;
    EXPECT_EQ(unit_property(vm.unit(), "FreezerState"), "running");
    auto next = journal.read_until_line(count.next());
    ASSERT_TRUE(next) << next.error().message;
    count.add(*next);
    auto greeting = qmp->read_until("\"QMP\"");
    EXPECT_TRUE(greeting) << greeting.error().message;
    expect_contains(monitor_command(vm.name(), "info status").value, "running");
    EXPECT_NE(cpu_times(vm), times);
}

TEST(Freezer, TheWatchdogTakesAFrozenVmForHung) {
    if (systemd_leaves_frozen_units_alone())
        GTEST_SKIP() << "257 leaves the unit dead and frozen, 258 has no watchdog then "
                        "(https://github.com/systemd/systemd/issues/38517)";
    VmUnderTest vm("frozendog", boot_sector_ini() +
                                    "[Service]\nWatchdogSec=5s\nTimeoutAbortSec=1s\n"
                                    "Restart=on-watchdog\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    const pid_t qemu = vm.main_pid();
    freeze(vm);
    line = journal.read_until_line("qemunit guest ready");
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_NE(vm.main_pid(), qemu);
    EXPECT_EQ(unit_property(vm.unit(), "NRestarts"), "1");
    // The one that came instead runs. systemd 252 does not notice that until it is told.
    expect_contains(freezer_file(vm, "cgroup.events"), "frozen 0\n");
    EXPECT_TRUE(vm.systemctl("thaw").ok());
    EXPECT_EQ(unit_property(vm.unit(), "FreezerState"), "running");
    expect_contains(journalctl(vm.unit()), "Watchdog timeout (limit 5s)!");
}

TEST(Freezer, AStopAsksTheGuest) {
    VmUnderTest vm("frozenstop", silent_linux_ini() + "[VM]\nStop=poweroff\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    freeze(vm);
    Journal journal(vm.unit());
    if (systemd_leaves_frozen_units_alone()) {
        const Finished stop = vm.systemctl("stop");
        EXPECT_TRUE(!stop.ok() && stop.says("Cannot perform operation on frozen unit")) << stop;
        EXPECT_TRUE(vm.systemctl("thaw").ok());
    }
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(unit_property(vm.unit(), "FreezerState"), "running");
}

TEST(Freezer, AFrozenVmCanBeKilled) {
    VmUnderTest vm("frozenkill", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    freeze(vm);
    ASSERT_TRUE(run({"systemctl", "kill", "--signal=TERM", vm.unit()}).ok());
    ASSERT_TRUE(vm.systemctl("thaw").ok());
    auto off = wait_for_state(vm.unit(), "inactive");
    EXPECT_TRUE(off) << off.error().message;

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    freeze(vm);
    // This one is heard when it is thawed.
    const pid_t qemu = vm.main_pid();
    ASSERT_TRUE(run({"systemctl", "kill", "--signal=TERM", vm.unit()}).ok());
    EXPECT_EQ(vm.main_pid(), qemu);
    expect_contains(freezer_file(vm, "cgroup.procs"), std::to_string(qemu) + "\n");
    ASSERT_TRUE(run({"systemctl", "kill", "--signal=KILL", vm.unit()}).ok());
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "signal");
    if (!systemd_leaves_frozen_units_alone()) {
        EXPECT_TRUE(vm.start().ok()) << vm.status();
    }
}

}  // namespace
}  // namespace qemunit::e2e
