// SPDX-License-Identifier: MIT
//
// What a VM was started with holds until it ends, whatever becomes of its ini file meanwhile; and
// what it has beside it is there, or is missed aloud.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

bool has_interface(const std::string &name) {
    return fs::exists("/sys/class/net/" + name);
}

std::string state_of(const std::string &unit) {
    return unit_property(unit, "ActiveState");
}

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
            EXPECT_TRUE(wait_for_state(unit, state)) << unit << ": " << state_of(unit);
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
    // The user network reaches the host, where the template says that nothing does.
    EXPECT_EQ(unit_property(vm.unit(), "IPAddressDeny"), "");
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
    EXPECT_EQ(state_of("qemu-tpm@holdnew.service"), "active");
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
    EXPECT_EQ(state_of("qemu-serial@holddemand.socket"), "active");
    EXPECT_EQ(state_of("qemu-monitor@holddemand.socket"), "active");
}

// `systemctl mask` reads all units anew.
TEST_F(RunningVm, HoldsWhenItsUnitIsMasked) {
    VmUnderTest vm("holdmask", boot_sector_ini() + "[VM]\nTPM=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.systemctl("mask").ok());
    EXPECT_EQ(state_of("qemu-tpm@holdmask.service"), "active");
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
    ASSERT_TRUE(vm.systemctl("unmask").ok());
    EXPECT_EQ(state_of("qemu-tpm@holdmask.service"), "active");
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

// --- What is beside it ---

// From when this object was made. (With --after-cursor= and -u, journalctl of systemd 252 leaves
// out the first line of the unit: it counts that in place of the cursor's, which the unit did not
// write.)
class JournalOfParts {
  public:
    explicit JournalOfParts(const VmUnderTest &vm) : unit_(vm.unit()) {
        run_words("journalctl --sync");
        timespec now{};
        clock_gettime(CLOCK_REALTIME, &now);
        since_ = fmt::format("--since=@{}.{:06}", now.tv_sec, now.tv_nsec / 1000);
    }
    // As `journalctl -u` has it, with errors alone.
    void expect(const std::string &text) const {
        const Deadline deadline;
        std::string said;
        do {
            run_words("journalctl --sync");
            said = run({"journalctl", "-b", "--no-pager", "-p", "3", "-u", unit_, since_}).output;
        } while (said.find(text) == std::string::npos && !deadline.passed());
        EXPECT_NE(said.find(text), std::string::npos) << text << " is not in\n" << said;
    }

  private:
    std::string unit_, since_;
};

void kill_main_process(const std::string &unit, int signal) {
    const int pid = std::atoi(unit_property(unit, "MainPID").c_str());
    ASSERT_GT(pid, 0) << unit;
    ASSERT_EQ(kill(pid, signal), 0);
}

TEST(Parts, ThatEndBeforeTheVmAreMissedInItsJournal) {
    Uplink uplink;
    fs::create_directories("/srv/parts");
    VmUnderTest vm("parts", boot_sector_ini() +
                                "[VM]\nTPM=yes\n[Network lan]\nType=passt\n"
                                "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
    for (const int signal : {SIGKILL, SIGTERM}) {
        const JournalOfParts journal(vm);
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const pid_t qemu = vm.main_pid();
        kill_main_process("qemu-tpm@parts.service", signal);
        journal.expect("The TPM (swtpm) has ended while the VM runs");
        kill_main_process("qemu-passt@parts:lan.service", signal);
        journal.expect("The user network (passt) has ended while the VM runs");
        kill_main_process("qemu-virtiofs@parts:src.service", signal);
        journal.expect("The shared folder (virtiofsd) has ended while the VM runs");
        journal.expect("'systemctl restart qemu@parts' brings it back");
        EXPECT_EQ(vm.main_pid(), qemu);
        EXPECT_EQ(state_of(vm.unit()), "active");
        ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
        for (const char *unit : {"qemu-tpm@parts.service", "qemu-passt@parts:lan.service",
                                 "qemu-virtiofs@parts:src.service"})
            EXPECT_EQ(state_of(unit), "active") << unit;
        ASSERT_TRUE(vm.stop().ok());
    }
    fs::remove_all("/srv/parts");
}

TEST(Parts, ThatEndWithTheVmAreNotMissed) {
    Uplink uplink;
    fs::create_directories("/srv/parts");
    VmUnderTest vm("partsend", boot_sector_ini() +
                                   "[VM]\nTPM=yes\n[Network lan]\nType=passt\n"
                                   "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(call_vm(vm.name(), "Quit").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    for (const char *unit :
         {"qemu-tpm@partsend.service", "qemu-passt@partsend:lan.service",
          "qemu-virtiofs@partsend:src.service", "qemu-virtiofs@partsend:src.socket"})
        EXPECT_TRUE(wait_for_state(unit, "inactive")) << unit << state_of(unit);
    run_words("journalctl --sync");
    const Finished said = run_words("journalctl -b --no-pager -o cat -p 3 -u qemu@partsend");
    EXPECT_EQ(said.output.find("has ended"), std::string::npos) << said;
    fs::remove_all("/srv/parts");
}

// Its own words are in the VM's status.
TEST(Parts, ThatCannotStartFailTheVm) {
    Uplink uplink;
    {
        VmUnderTest other("partother", boot_sector_ini() +
                                           "[Network lan]\nHostForward=tcp:127.0.0.1:10094-:80\n");
        ASSERT_TRUE(other.start().ok()) << other.status();
        VmUnderTest vm("partpasst", boot_sector_ini() +
                                        "[Network lan]\nType=passt\n"
                                        "HostForward=tcp:127.0.0.1:10094-:80\n");
        const JournalOfParts journal(vm);
        EXPECT_FALSE(vm.start().ok()) << vm.status();
        EXPECT_EQ(state_of(vm.unit()), "failed");
        journal.expect("The user network (passt) could not be started");
        journal.expect("Failed to bind");
        journal.expect("qemu-passt@partpasst:lan.service, which the VM needs, is not up");
        ASSERT_TRUE(other.stop().ok());
        EXPECT_TRUE(vm.start().ok()) << vm.status();
    }
    fs::create_directories("/run/systemd/system/qemu-tpm@.service.d");
    write_file("/run/systemd/system/qemu-tpm@.service.d/50-test.conf",
               "[Service]\nExecStart=\nExecStart=/usr/bin/no-swtpm\n");
    fs::create_directories("/run/systemd/system/qemu-virtiofs@.service.d");
    write_file("/run/systemd/system/qemu-virtiofs@.service.d/50-test.conf",
               "[Service]\nExecStart=\nExecStart=/usr/bin/no-virtiofsd\n");
    fs::create_directories("/srv/parts");
    {
        VmUnderTest vm("parttpm", boot_sector_ini() + "[VM]\nTPM=yes\n");
        const JournalOfParts journal(vm);
        EXPECT_FALSE(vm.start().ok());
        journal.expect("The TPM (swtpm) could not be started");
        VmUnderTest share("partshare",
                          boot_sector_ini() + "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
        const JournalOfParts journal_of_share(share);
        EXPECT_FALSE(share.start().ok());
        journal_of_share.expect("The shared folder (virtiofsd)");
    }
    fs::remove_all("/run/systemd/system/qemu-tpm@.service.d");
    fs::remove_all("/run/systemd/system/qemu-virtiofs@.service.d");
    fs::remove_all("/srv/parts");
    daemon_reload();
    run_words("systemctl reset-failed");
}

// --- Interfaces ---

// An ip(8) that fails with the words, for the units of interfaces.
class BrokenIp {
  public:
    explicit BrokenIp(const std::string &words) {
        write_file(kPath, "#!/bin/sh\ncase \"$*\" in *'" + words +
                              "'*) echo broken >&2; exit 1 ;; esac\nexec /sbin/ip \"$@\"\n");
        fs::permissions(kPath, fs::perms(0755));
    }
    ~BrokenIp() { fs::remove(kPath); }

  private:
    static constexpr const char *kPath = "/usr/local/sbin/ip";
};

TEST(Interfaces, AreMadeWholeOrNotAtAll) {
    VmUnderTest vm("ifs", boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr\n");
    for (const char *words : {"add dev ifsbr", "dev ifsbr up", "dev ifsbr alias", "add dev ifs-lan",
                              "dev ifs-lan up", "dev ifs-lan alias", "dev ifs-lan master"}) {
        {
            BrokenIp broken(words);
            const JournalOfParts journal(vm);
            EXPECT_FALSE(vm.start().ok()) << words;
            journal.expect(std::string(words).find("ifs-lan") != std::string::npos
                               ? "cannot make the interface 'ifs-lan'"
                               : "there is no bridge 'ifsbr'");
            EXPECT_TRUE(wait_for_state("qemu-tap@ifs-lan.service", "failed"));
            EXPECT_FALSE(has_interface("ifs-lan")) << words;
        }
        EXPECT_TRUE(vm.start().ok()) << words << vm.status();
        EXPECT_TRUE(fs::exists("/sys/class/net/ifsbr/brif/ifs-lan")) << words;
        EXPECT_NE(read_file("/sys/class/net/ifsbr/flags"), "0x1002\n") << words;
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr.service", "inactive"));
        EXPECT_FALSE(has_interface("ifsbr")) << words;
    }
}

TEST(Interfaces, ThatCouldNotBeRemovedAreMendedByTheNextStart) {
    VmUnderTest vm("ifsleft", boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr2\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        BrokenIp broken("link delete");
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr2.service", "failed"));
        ASSERT_TRUE(has_interface("ifsbr2"));
    }
    ASSERT_TRUE(run_words("ip link set dev ifsbr2 down").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(fs::exists("/sys/class/net/ifsbr2/brif/ifsleft-lan"));
    EXPECT_EQ(state_of("qemu-bridge@ifsbr2.service"), "active");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr2.service", "inactive"));
    EXPECT_FALSE(has_interface("ifsbr2"));
}

TEST(Interfaces, OfSomebodyElseStayAsTheyAre) {
    ASSERT_TRUE(run_words("ip link add dev ifsbr3 type bridge").ok());
    {
        VmUnderTest vm("ifselse",
                       boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr3\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_EQ(state_of("qemu-bridge@ifsbr3.service"), "inactive");
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-tap@ifselse-lan.service", "inactive"));
    }
    EXPECT_TRUE(has_interface("ifsbr3"));
    EXPECT_TRUE(run_words("ip link delete dev ifsbr3").ok());
}

}  // namespace
}  // namespace qemunit::e2e
