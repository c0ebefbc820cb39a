// SPDX-License-Identifier: MIT
//
// What a VM was started with holds until it ends, whatever becomes of its ini file meanwhile.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/parts.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

void daemon_reload() {
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
}

// Of other tests.
void forget_failures() {
    ASSERT_TRUE(run_words("systemctl reset-failed").ok());
}

void expect_nothing_failed() {
    const Finished failed = run_words("systemctl list-units --state=failed --no-legend qemu-*");
    EXPECT_EQ(failed.output, "");
}

// A way to take a VM's ini file from it, and to give it back.
struct Loss {
    const char *name;
    void (*happens)(const VmUnderTest &vm);
};

constexpr const char *kBadDropIn = "/etc/qemunit/vm.d/50-bad.conf";

const Loss kLosses[] = {
    {"Removed",
     [](const VmUnderTest &vm) {
         fs::remove(vm.ini_path());
     }},
    {"Renamed",
     [](const VmUnderTest &vm) {
         fs::rename(vm.ini_path(), vm.ini_path() + ".old");
     }},
    {"Broken",
     [](const VmUnderTest &vm) {
         write_file(vm.ini_path(), "[VM]\nMemory=lots\n");
     }},
    {"BrokenForAll",
     [](const VmUnderTest &) {
         fs::create_directories("/etc/qemunit/vm.d");
         write_file(kBadDropIn, "[VM]\nMemory=lots\n");
     }},
    {"Masked",
     [](const VmUnderTest &vm) {
         fs::remove(vm.ini_path());
         fs::create_symlink("/dev/null", vm.ini_path());
     }},
    {"WithoutDevices",
     [](const VmUnderTest &vm) {
         write_file(vm.ini_path(), boot_sector_ini());
     }},
    {"WithOtherTypes",
     [](const VmUnderTest &vm) {
         write_file(vm.ini_path(), boot_sector_ini() + "[Network lan]\nType=user\n[Network up]\n");
     }},
};

class Running : public testing::TestWithParam<Loss> {
  protected:
    static std::string ini() {
        return boot_sector_ini() +
               "[VM]\nTPM=yes\nTimeout=1h\n[Serial more]\n"
               "[Network lan]\nType=bridge\nBridge=holdbr\n[Network wan]\n"
               "[Credential host]\nFile=/etc/hostname\n"
               "[Service]\nMemoryMax=1G\n";
    }

    void SetUp() override { forget_failures(); }
    void TearDown() override { fs::remove(kBadDropIn); }

    static void expect_own_parts(const VmUnderTest &vm, const std::string &state) {
        for (const std::string &unit :
             {"qemu-tap@" + vm.name() + "-lan.service", "qemu-tpm@" + vm.name() + ".service"})
            EXPECT_TRUE(wait_for_state(unit, state)) << unit << ": " << active_state_of(unit);
        EXPECT_EQ(has_interface(vm.name() + "-lan"), state == "active");
    }
    static void expect_bridge(const std::string &state) {
        EXPECT_TRUE(wait_for_state("qemu-bridge@holdbr.service", state));
        EXPECT_EQ(has_interface("holdbr"), state == "active");
    }
    static void expect_parts(const VmUnderTest &vm, const std::string &state) {
        expect_own_parts(vm, state);
        expect_bridge(state);
    }
};

INSTANTIATE_TEST_SUITE_P(, Running, testing::ValuesIn(kLosses),
                         [](const auto &parameter) { return std::string(parameter.param.name); });

TEST_P(Running, HoldsUntilItsEnd) {
    VmUnderTest vm("hold", ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_parts(vm, "active");
    const pid_t qemu = vm.main_pid();
    const std::string tpm = unit_property("qemu-tpm@hold.service", "MainPID");
    GetParam().happens(vm);
    daemon_reload();
    daemon_reload();  // what was held before is held again
    expect_parts(vm, "active");
    EXPECT_EQ(vm.main_pid(), qemu);
    EXPECT_EQ(unit_property("qemu-tpm@hold.service", "MainPID"), tpm);
    EXPECT_EQ(unit_property(vm.unit(), "NeedDaemonReload"), "no");
    for (const char *socket : {"serial", "more", "monitor"}) {
        auto client = UnixClient::connect(vm.socket(socket));
        EXPECT_TRUE(client) << client.error().message;
    }
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
    const Finished stopped = vm.stop();
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
    expect_parts(vm, "inactive");
    const auto gone = vm.wait_until_sockets_are_gone();
    EXPECT_TRUE(gone) << gone.error().message;
    expect_nothing_failed();
}

// "qemu-tpm@hold.service active\n…": each with the same run.
std::string units_beside_a_vm() {
    std::string units;
    const Finished listed = run_words(
        "systemctl list-units --plain --no-legend --full --state=active qemu-*@hold* "
        "qemu-bridge@holdbr*");
    std::istringstream lines(listed.output);
    for (std::string line; std::getline(lines, line);) {
        const std::string unit = line.substr(0, line.find(' '));
        if (!unit.ends_with(".mount"))
            units += unit + " " + unit_property(unit, "InvocationID") + "\n";
    }
    return units;
}

TEST_P(Running, KeepsEachOfItsUnits) {
    Uplink uplink;
    fs::create_directories("/srv/hold");
    VmUnderTest vm("hold", ini() +
                               "[VM]\nRegister=yes\n[Network out]\nType=passt\n"
                               "[Share src]\nType=virtiofs\nPath=/srv/hold\n"
                               "[CloudInit]\nHostname=hold\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(wait_for_state("qemu-machine@hold.service", "inactive"));
    const std::string before = units_beside_a_vm();
    for (const char *unit : {"qemu-tap@hold-lan.service", "qemu-bridge@holdbr.service",
                             "qemu-tpm@hold.service", "qemu-usernet@hold:wan.service",
                             "qemu-usernet@hold:wan.socket", "qemu-passt@hold:out.service",
                             "qemu-virtiofs@hold:src.socket", "qemu-virtiofs@hold:src.service",
                             "qemu-credential@hold.service", "qemu-instance@hold.socket"})
        EXPECT_NE(before.find(unit), std::string::npos) << unit << " is not in\n" << before;
    GetParam().happens(vm);
    daemon_reload();
    EXPECT_EQ(units_beside_a_vm(), before);
    ASSERT_TRUE(vm.stop().ok());
    for (const char *unit : {"qemu-usernet@hold:wan.service", "qemu-usernet@hold:wan.socket",
                             "qemu-passt@hold:out.service", "qemu-credential@hold.service",
                             "qemu-instance@hold.socket"})
        EXPECT_TRUE(wait_for_state(unit, "inactive")) << unit << ": " << active_state_of(unit);
    expect_no_virtiofs("hold:src");
    expect_nothing_failed();
    fs::remove_all("/srv/hold");
}

TEST_P(Running, HoldsUntilItIsKilled) {
    VmUnderTest vm("hold", ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GetParam().happens(vm);
    daemon_reload();
    expect_parts(vm, "active");
    ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
    expect_parts(vm, "inactive");
    expect_nothing_failed();
}

// The old parts are gone then, and nothing of them comes back with a later start.
TEST_P(Running, StartsAnewAsItsIniSaysNow) {
    VmUnderTest vm("hold", ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string ini_path = vm.ini_path();
    GetParam().happens(vm);
    daemon_reload();
    expect_parts(vm, "active");
    const bool has_vm = std::string(GetParam().name).starts_with("With");
    for (int round = 0; round < 2; ++round) {
        const Finished again = vm.systemctl("restart");
        EXPECT_EQ(again.ok(), has_vm) << again << vm.status();
        if (!has_vm) {
            EXPECT_EQ(unit_property(vm.unit(), "ExecMainStatus"), "78") << vm.status();
            EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
        }
        expect_own_parts(vm, "inactive");
        expect_nothing_failed();
        daemon_reload();
        expect_bridge("inactive");
    }
}

class RunningVm : public testing::Test {
  protected:
    void SetUp() override { forget_failures(); }
};

TEST_F(RunningVm, GetsWhatItsIniSaysNowByARestart) {
    VmUnderTest vm("holdnew", boot_sector_ini() +
                                  "[Network lan]\nType=bridge\nBridge=holdbr1\n"
                                  "[Network gone]\nType=tap\nInterface=holdtap1\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), boot_sector_ini() +
                                  "[VM]\nTPM=yes\n[Network lan]\nType=bridge\nBridge=holdbr2\n"
                                  "[Network new]\nType=tap\nInterface=holdtap2\n");
    daemon_reload();
    EXPECT_TRUE(has_interface("holdtap1"));
    EXPECT_TRUE(fs::exists("/sys/class/net/holdbr1/brif/holdnew-lan"));
    EXPECT_FALSE(has_interface("holdtap2"));
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    EXPECT_TRUE(wait_for_state("qemu-tap@holdtap1.service", "inactive"));
    EXPECT_FALSE(has_interface("holdtap1"));
    EXPECT_TRUE(has_interface("holdtap2"));
    EXPECT_TRUE(fs::exists("/sys/class/net/holdbr2/brif/holdnew-lan"));
    EXPECT_EQ(active_state_of("qemu-tpm@holdnew.service"), "active");
    daemon_reload();
    EXPECT_TRUE(wait_for_state("qemu-bridge@holdbr1.service", "inactive"));
    ASSERT_TRUE(vm.stop().ok());
    for (const char *unit : {"qemu-tap@holdnew-lan.service", "qemu-bridge@holdbr2.service",
                             "qemu-tpm@holdnew.service"})
        EXPECT_TRUE(wait_for_state(unit, "inactive")) << unit;
    expect_nothing_failed();
}

TEST_F(RunningVm, HasTheSocketsOfItsIniAfterARestart) {
    VmUnderTest vm("holdsock", boot_sector_ini() + "[Serial old]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), boot_sector_ini() + "[Serial new]\n[Monitor]\nSocketMode=0600\n");
    daemon_reload();
    EXPECT_TRUE(UnixClient::connect(vm.socket("old")));
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    EXPECT_FALSE(fs::exists(vm.socket("old")));
    EXPECT_TRUE(UnixClient::connect(vm.socket("new")));
    EXPECT_EQ(fs::status(vm.socket("monitor")).permissions(), fs::perms(0600));
    daemon_reload();
    EXPECT_TRUE(UnixClient::connect(vm.socket("new")));
    ASSERT_TRUE(vm.stop().ok());
    const auto gone = vm.wait_until_sockets_are_gone();
    EXPECT_TRUE(gone) << gone.error().message;
}

// What stays when the VM is off is not to go with a change of its ini.
TEST_F(RunningVm, WithSocketsOnDemandKeepsThem) {
    VmUnderTest vm("holddemand", boot_sector_ini() + "[Serial old]\n");
    ASSERT_TRUE(vm.enable_sockets().ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), boot_sector_ini());
    daemon_reload();
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(active_state_of("qemu-serial@holddemand.socket"), "active");
    EXPECT_EQ(active_state_of("qemu-monitor@holddemand.socket"), "active");
}

// `systemctl mask` reads all units anew.
TEST_F(RunningVm, HoldsWhenItsUnitIsMasked) {
    VmUnderTest vm("holdmask", boot_sector_ini() + "[VM]\nTPM=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.systemctl("mask").ok());
    EXPECT_EQ(active_state_of("qemu-tpm@holdmask.service"), "active");
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
    ASSERT_TRUE(vm.systemctl("unmask").ok());
    EXPECT_EQ(active_state_of("qemu-tpm@holdmask.service"), "active");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tpm@holdmask.service", "inactive"));
}

TEST_F(RunningVm, OnABridgeOfOthersLeavesItToThem) {
    const std::string ini = boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=holdbr3\n";
    VmUnderTest one("holdone", ini), two("holdtwo", ini);
    ASSERT_TRUE(one.start().ok() && two.start().ok());
    fs::remove(one.ini_path());
    daemon_reload();
    ASSERT_TRUE(two.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tap@holdtwo-lan.service", "inactive"));
    EXPECT_TRUE(fs::exists("/sys/class/net/holdbr3/brif/holdone-lan"));
    ASSERT_TRUE(one.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-bridge@holdbr3.service", "inactive"));
}

TEST_F(RunningVm, OfAUserHoldsToo) {
    UserSession user("joe");
    VmOfUser vm(user, "vm1", boot_sector_ini() + "[VM]\nTPM=yes\n[Serial more]\n");
    const std::string ini = user.home() + "/.config/qemunit/vm1.ini", tpm = "qemu-tpm@vm1.service";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    user.write(ini, "[VM]\nMemory=lots\n");
    ASSERT_TRUE(user.run_words("systemctl --user daemon-reload").ok());
    EXPECT_EQ(user.unit_property(tpm, "ActiveState"), "active");
    fs::remove(ini);
    ASSERT_TRUE(user.run_words("systemctl --user daemon-reload").ok());
    EXPECT_EQ(user.unit_property(tpm, "ActiveState"), "active");
    EXPECT_TRUE(fs::exists(vm.socket("more")));
    const Finished again = user.systemctl("restart", vm.unit());
    EXPECT_FALSE(again.ok());
    EXPECT_TRUE(vm.status().says("no VM 'vm1' is configured")) << vm.status();
    EXPECT_TRUE(user.reaches_state(tpm, "inactive")) << user.journalctl(tpm);
    EXPECT_TRUE(wait_until_gone(vm.socket("more")));
}

}  // namespace
}  // namespace qemunit::e2e
