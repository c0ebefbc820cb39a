// SPDX-License-Identifier: MIT
//
// QEMU, the companion and the bus daemon are killed at each stage of a VM's start and stop.
// Whatever the unit makes of it: nothing is left over, and the next start works.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

struct FaultPoint {
    const char *stage;
    const char *victim;
};

// For gtest's list.
void PrintTo(const FaultPoint &point, std::ostream *stream) {
    *stream << point.victim << " " << point.stage;
}

class FaultPoints : public testing::TestWithParam<FaultPoint> {};

void wait_for(const VmUnderTest &vm, const char *property, const std::string &value) {
    auto seen = wait_for_property(vm.unit(), property, value);
    EXPECT_TRUE(seen) << seen.error().message;
}

void start_later(const VmUnderTest &vm, const char *verb) {
    const Finished queued = run({"systemctl", verb, "--no-block", vm.unit()});
    EXPECT_TRUE(queued.ok()) << queued;
}

// Brings the VM to the stage, and leaves it there.
void reach(const VmUnderTest &vm, const std::string &stage) {
    if (stage == "when the unit starts") {
        start_later(vm, "start");
        wait_for(vm, "ActiveState", "activating");
    } else if (stage == "when the guest is awaited") {
        start_later(vm, "start");
        wait_for(vm, "StatusText", "Started, waiting for a console line that matches 'never'");
    } else {
        EXPECT_TRUE(vm.start().ok()) << vm.status();
    }
    if (stage == "when the guest is asked to stop") {
        start_later(vm, "stop");
        wait_for(vm, "StatusText", "Stopping: pressed the power button, waiting for the guest");
    }
}

void kill_victim(const VmUnderTest &vm, const std::string &victim) {
    if (victim == "qemu") {
        if (const pid_t pid = vm.main_pid(); pid > 0)
            kill(pid, SIGKILL);
    } else if (victim == "companion") {
        for (const pid_t pid : vm.other_pids())
            kill(pid, SIGKILL);
    } else {
        run_words("systemctl kill --signal=SIGKILL qemunitd.service");
    }
}

void expect_no_sockets(const VmUnderTest &vm) {
    const auto gone = vm.wait_until_sockets_are_gone();
    EXPECT_TRUE(gone) << gone.error().message;
}

TEST_P(FaultPoints, TheNextStartWorks) {
    const auto &[stage, victim] = GetParam();
    // Of a stop, there must be some left when it is seen; the others have to wait for its end.
    const bool is_stopping = stage == std::string("when the guest is asked to stop");
    std::string ini = deaf_ini() + "Stop=poweroff\nStopTimeout=" + (is_stopping ? "15s\n" : "3s\n");
    if (stage == std::string("when the guest is awaited"))
        ini += "Ready=serial:never\n";
    VmUnderTest vm("faults", ini);
    run_words("busctl introspect org.qemunit1 /org/qemunit1");  // qemunitd is there
    reach(vm, stage);
    kill_victim(vm, victim);

    const Finished stopped = vm.stop();
    EXPECT_TRUE(stopped.ok()) << stopped;
    expect_no_sockets(vm);
    EXPECT_EQ(unit_property(vm.unit(), "MainPID"), "0");
    EXPECT_EQ(vm.other_pids(), std::vector<pid_t>{});

    write_file(vm.ini_path(), boot_sector_ini());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    auto prompt = serial->read_until("> ");
    EXPECT_TRUE(prompt) << prompt.error().message;
    const BusReply status = monitor_command(vm.name(), "info status");
    EXPECT_NE(status.value.find("running"), std::string::npos) << status;
}

std::vector<FaultPoint> all_fault_points() {
    std::vector<FaultPoint> points;
    for (const char *stage : {"when the unit starts", "when the guest is awaited",
                              "when the VM runs", "when the guest is asked to stop"})
        for (const char *victim : {"qemu", "companion", "qemunitd"})
            points.push_back({stage, victim});
    return points;
}

INSTANTIATE_TEST_SUITE_P(Killed, FaultPoints, testing::ValuesIn(all_fault_points()));

// What a VM that ended could leave in the system.
struct Traces {
    std::size_t fds_of_systemd, processes, mounts, units;
};

std::size_t count_files(const std::string &folder, std::string_view first_characters) {
    std::size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder))
        count += first_characters.find(entry.path().filename().string().front()) !=
                 std::string_view::npos;
    return count;
}

std::size_t count_lines(const std::string &text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

Traces traces() {
    return {count_files("/proc/1/fd", "0123456789"), count_files("/proc", "123456789"),
            count_lines(read_file("/proc/1/mountinfo")),
            count_lines(run_words("systemctl list-units --all --no-legend --plain").output)};
}

TEST(Cycles, AHundredLivesLeaveNothing) {
    VmUnderTest vm("cycles", boot_sector_ini());
    const auto live = [&vm] {
        const Finished started = vm.start();
        EXPECT_TRUE(started.ok()) << started;
        const Finished stopped = vm.stop();
        EXPECT_TRUE(stopped.ok()) << stopped;
        expect_no_sockets(vm);
    };
    Journal journal(vm.unit());
    live();
    const Traces before = traces();
    for (int i = 0; i < 100 && !HasFailure(); ++i)
        live();
    const Traces after = traces();
    // A connection of systemctl's that PID 1 has not closed yet, or a unit that it has not
    // forgotten yet, is none of theirs; what a life leaves is there a hundred times.
    constexpr std::size_t kOthers = 20;
    EXPECT_LE(after.fds_of_systemd, before.fds_of_systemd + kOthers);
    EXPECT_LE(after.processes, before.processes + kOthers);
    EXPECT_LE(after.mounts, before.mounts + kOthers);
    EXPECT_LE(after.units, before.units + kOthers);
    for (const JournalEntry &entry : journal.read_rest())
        EXPECT_GT(entry.priority, "4") << entry.message;
}

}  // namespace
}  // namespace qemunit::e2e
