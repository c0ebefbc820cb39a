// SPDX-License-Identifier: MIT
//
// That what [Service] allows a VM is all that it gets. The kernel's controllers hold it, and which
// of them there are is up to the machine: a test without its own is skipped, and says so.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

bool has_controller(const std::string &wanted) {
    std::istringstream controllers(read_file("/sys/fs/cgroup/cgroup.controllers"));
    for (std::string controller; controllers >> controller;)
        if (controller == wanted)
            return true;
    return false;
}

#define NEEDS_CONTROLLER(name) \
    if (!has_controller(name)) \
    GTEST_SKIP() << "this machine's control groups have no controller \"" name "\" to give away"

std::string group_file(const VmUnderTest &vm, const std::string &name) {
    return trimmed(
        read_file("/sys/fs/cgroup" + unit_property(vm.unit(), "ControlGroup") + "/" + name));
}

// "nr_throttled 12" among the lines of cpu.stat: 12
uint64_t cpu_stat(const VmUnderTest &vm, const std::string &key) {
    std::istringstream lines(group_file(vm, "cpu.stat"));
    uint64_t value = 0;
    for (std::string name; lines >> name >> value;)
        if (name == key)
            return value;
    ADD_FAILURE() << "no " << key << " in cpu.stat";
    return 0;
}

void set_property(const VmUnderTest &vm, const std::string &assignment) {
    const Finished set = run({"systemctl", "set-property", "--runtime", vm.unit(), assignment});
    ASSERT_TRUE(set.ok()) << set;
}

void expect_group_runs(const VmUnderTest &vm) {
    expect_contains(monitor_command(vm.name(), "info status").value, "running");
}

void expect_killed_for_memory(const VmUnderTest &vm) {
    auto failed = wait_for_state(vm.unit(), "failed");
    EXPECT_TRUE(failed) << failed.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "oom-kill") << vm.status();
    expect_contains(journalctl(vm.unit()), "OOM killer");  // systemd's own words, which differ
}

TEST(Limits, AGuestThatFillsMoreThanMemoryMaxIsKilled) {
    NEEDS_CONTROLLER("memory");
    const std::string ini = boot_sector_ini("fill.img") + "[Service]\nMemorySwapMax=0\n";
    VmUnderTest fits("memoryfits", ini + "MemoryMax=512M\n");
    VmUnderTest vm("memorymax", ini + "MemoryMax=128M\n[VM]\nMemory=256M\n");
    for (const VmUnderTest *each : {&fits, &vm}) {
        ASSERT_TRUE(each->start().ok()) << each->status();
        auto serial = UnixClient::connect(each->socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        auto asked = serial->read_until("press a key");
        ASSERT_TRUE(asked) << asked.error().message;
        ASSERT_TRUE(serial->send("x"));
        if (each == &fits) {
            auto filled = serial->read_until("filled");
            EXPECT_TRUE(filled) << filled.error().message;
        }
    }
    EXPECT_EQ(group_file(fits, "memory.max"), "536870912");
    expect_group_runs(fits);
    EXPECT_GE(std::stoul(group_file(fits, "memory.current")), 64UL << 20);
    expect_killed_for_memory(vm);
    EXPECT_TRUE(vm.start().ok()) << vm.status();
}

TEST(Limits, MemoryMaxIsSetWhileTheVmRuns) {
    NEEDS_CONTROLLER("memory");
    VmUnderTest vm("memoryset", boot_sector_ini() + "[Service]\nMemorySwapMax=0\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(group_file(vm, "memory.max"), "max");
    set_property(vm, "MemoryMax=2G");
    EXPECT_EQ(group_file(vm, "memory.max"), "2147483648");
    expect_group_runs(vm);
    // Less than it has already.
    set_property(vm, "MemoryMax=4M");
    expect_killed_for_memory(vm);
}

TEST(Limits, CpuQuotaSlowsAGuestThatIsBusy) {
    NEEDS_CONTROLLER("cpu");
    VmUnderTest vm("cpuquota", boot_sector_ini() + "[Service]\nCPUQuota=90%\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(group_file(vm, "cpu.max"), "90000 100000");
    // With less, an emulated machine would take too long to get so far.
    set_property(vm, "CPUQuota=20%");
    EXPECT_EQ(group_file(vm, "cpu.max"), "20000 100000");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("spin\r"));
    // What it takes in twenty periods of 100 ms in which it wants more.
    const auto wait_for_throttled = [&vm](uint64_t times) {
        for (const Deadline deadline; cpu_stat(vm, "nr_throttled") < times;) {
            ASSERT_FALSE(deadline.passed()) << group_file(vm, "cpu.stat");
            expect_group_runs(vm);
        }
    };
    wait_for_throttled(cpu_stat(vm, "nr_throttled") + 2);
    const auto begin = std::chrono::steady_clock::now();
    const uint64_t used = cpu_stat(vm, "usage_usec");
    wait_for_throttled(cpu_stat(vm, "nr_throttled") + 20);
    const auto taken = cpu_stat(vm, "usage_usec") - used;
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begin);
    EXPECT_LT(taken, static_cast<uint64_t>(passed.count()) * 30 / 100);

    set_property(vm, "CPUQuota=150%");
    EXPECT_EQ(group_file(vm, "cpu.max"), "150000 100000");
    expect_group_runs(vm);
}

TEST(Limits, AllowedCpusAreThoseOfEachThread) {
    NEEDS_CONTROLLER("cpuset");
    VmUnderTest vm("cpuset", boot_sector_ini() + "[VM]\nCPUs=2\n[Service]\nAllowedCPUs=0\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto expect_allowed = [&vm](const std::string &cpus) {
        EXPECT_EQ(group_file(vm, "cpuset.cpus"), cpus);
        int threads = 0;
        for (const auto &thread :
             fs::directory_iterator("/proc/" + std::to_string(vm.main_pid()) + "/task")) {
            ++threads;
            expect_contains(read_file(thread.path() / "status"),
                            "Cpus_allowed_list:\t" + cpus + "\n");
        }
        EXPECT_GE(threads, 2);
    };
    expect_allowed("0");
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        set_property(vm, "AllowedCPUs=1");
        expect_allowed("1");
    }
    expect_group_runs(vm);
}

TEST(Limits, TasksMaxCountsThreads) {
    NEEDS_CONTROLLER("pids");
    VmUnderTest vm("tasksmax", boot_sector_ini() + "[Service]\nTasksMax=32\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(group_file(vm, "pids.max"), "32");
    expect_group_runs(vm);
    // QEMU and its threads, its companion, and the one above that.
    VmUnderTest few("tasksfew", boot_sector_ini() + "[Service]\nTasksMax=3\n");
    EXPECT_FALSE(few.start().ok());
    expect_contains(few.status().output, "Resource temporarily unavailable");
}

}  // namespace
}  // namespace qemunit::e2e
