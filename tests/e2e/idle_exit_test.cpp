// SPDX-License-Identifier: MIT
//
// qemunitd ends when nobody needs it, comes back for the next call, and stays while it is needed.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char *kUnit = "qemunitd.service";
constexpr const char *kDropIn = "/run/systemd/system/qemunitd.service.d/idle.conf";

uint64_t now_usec() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

uint64_t number(const std::string &unit, const std::string &property) {
    return std::stoull("0" + unit_property(unit, property));
}

class IdleExit : public testing::Test {
  protected:
    // Ends after a second.
    void SetUp() override {
        fs::create_directories(fs::path(kDropIn).parent_path());
        write_file(kDropIn,
                   "[Service]\nExecStart=\nExecStart=/usr/lib/qemunit/qemunitd --idle-exit=1\n");
        restart();
        // systemd shall still know afterwards how it ended.
        ASSERT_GE(sd_bus_call_method(
                      bus_.get(), "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                      "org.freedesktop.systemd1.Manager", "RefUnit", nullptr, nullptr, "s", kUnit),
                  0);
    }
    void TearDown() override {
        fs::remove_all(fs::path(kDropIn).parent_path());
        restart();
    }
    BusPtr bus_ = open_system_bus();

    static void restart() {
        run_words("systemctl daemon-reload");
        run_words("systemctl stop qemunitd.service");
    }
    static Finished list() {
        return run_words("busctl call org.qemunit1 /org/qemunit1 org.qemunit1.Manager ListVMs");
    }
    // Its process, once somebody has called; it may have ended since.
    static std::string process() {
        EXPECT_TRUE(list().ok());
        return unit_property(kUnit, "ExecMainPID");
    }
    // The process that has ended, and not one after it, and not before that time.
    static void expect_end_of(const std::string &process, uint64_t not_before) {
        EXPECT_TRUE(wait_for_state(kUnit, "inactive"));
        EXPECT_EQ(unit_property(kUnit, "ExecMainPID"), process);
        EXPECT_EQ(unit_property(kUnit, "Result"), "success");
        EXPECT_GE(number(kUnit, "ExecMainExitTimestampMonotonic"), not_before);
    }
};

TEST_F(IdleExit, EndsAndComesBack) {
    for (int i = 0; i < 3; ++i) {
        const std::string one = process();
        ASSERT_NE(one, "0");
        expect_end_of(one, 0);
    }
}

// Whatever moment of its end they meet.
TEST_F(IdleExit, NoCallIsLost) {
    for (int i = 0; i < 3; ++i) {
        NameWatch name;
        ASSERT_TRUE(list().ok());
        ASSERT_TRUE(name.wait_for_loss());  // its process is ending at this moment
        const Finished again = list();
        EXPECT_TRUE(again.ok()) << again;
    }
    EXPECT_EQ(unit_property(kUnit, "NRestarts"), "0");
}

TEST_F(IdleExit, StaysWhileAVmRuns) {
    // It ends by itself, after more than the second.
    VmUnderTest vm("idlevm", boot_sector_ini() + "[VM]\nTimeout=3s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string one = process();
    ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
    expect_end_of(one, number(vm.unit(), "InactiveEnterTimestampMonotonic"));
}

TEST_F(IdleExit, StaysForACallerWhoIsStillThere) {
    VmUnderTest vm("idlecaller", boot_sector_ini() + "[VM]\nTimeout=3s\n");
    uint64_t left = 0;
    std::string one;
    {
        StateWatch states(vm.name());
        one = unit_property(kUnit, "MainPID");
        // More than the second in which nothing happens.
        ASSERT_TRUE(run_words("systemd-run --quiet --wait sleep 3").ok());
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_TRUE(states.wait_for("running"));
        EXPECT_TRUE(states.wait_for("crashed"));
        left = now_usec();
    }
    expect_end_of(one, left);
}

}  // namespace
}  // namespace qemunit::e2e
