// SPDX-License-Identifier: MIT
//
// Hibernate of org.qemunit1.VM, of VMs that are not hibernated when they stop: the guest is saved
// and goes on at the next start, or it goes on now.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

class HibernateTest : public testing::Test {
  protected:
    ~HibernateTest() override {
        EXPECT_TRUE(vm.stop().ok());
        std::filesystem::remove_all(folder());
    }
    std::string folder() const { return "/var/lib/qemunit/" + vm.name(); }
    bool is_saved() const { return std::filesystem::exists(folder() + "/hibernated"); }
    void start_with_answer() {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        guest.run("answer=42");
    }
    void expect_answer() {
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
        auto answer = serial->read_until("the answer is 42");
        EXPECT_TRUE(answer) << answer.error().message;
    }
    // qemunitd follows systemd.
    void expect_state(const std::string &state) const {
        const Deadline deadline;
        std::string now;
        do {
            now = trimmed(run({"busctl", "get-property", "org.qemunit1",
                               "/org/qemunit1/vm/" + vm.name(), "org.qemunit1.VM", "State"})
                              .output);
        } while (now != "s \"" + state + "\"" && !deadline.passed());
        EXPECT_EQ(now, "s \"" + state + "\"");
    }

    // A QEMU that stands still is not saved before somebody has looked.
    void begin_and_hold() {
        held = vm.main_pid();
        ASSERT_EQ(kill(held, SIGSTOP), 0);
        call.emplace(vm.name(), "Hibernate");
        const auto saving =
            wait_for_property(vm.unit(), "StatusText", "Saving the machine's state");
        ASSERT_TRUE(saving) << saving.error().message;
    }
    void let_go_on() const { EXPECT_EQ(kill(held, SIGCONT), 0); }

    // The process that dies while somebody waits for `qemunitctl hibernate`.
    void expect_to_be_told_after_death_of(const std::function<pid_t()> &process) {
        ASSERT_NO_FATAL_FAILURE(start_with_answer());
        held = vm.main_pid();
        ASSERT_EQ(kill(held, SIGSTOP), 0);
        Terminal caller({"qemunitctl", "hibernate", vm.name()});
        ASSERT_TRUE(wait_for_property(vm.unit(), "StatusText", "Saving the machine's state"));
        ASSERT_EQ(kill(process(), SIGKILL), 0);
        EXPECT_TRUE(caller.read_until("still being saved")) << caller.rest();
        let_go_on();
        EXPECT_EQ(caller.wait(), 0) << caller.rest();
        EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
        EXPECT_TRUE(is_saved());
    }

    pid_t held = 0;
    std::optional<PendingCall> call;
    VmUnderTest vm{"hib" + std::to_string(getpid() % 100000), silent_linux_ini()};
};

TEST_F(HibernateTest, TheGuestGoesOnAtTheNextStart) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    const BusReply reply = call_vm(vm.name(), "Hibernate");
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << vm.status();
    expect_state("hibernated");
    EXPECT_TRUE(is_saved());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(unit_property(vm.unit(), "StatusText").starts_with("Running, resumed,"));
    expect_answer();
    EXPECT_FALSE(is_saved());
    // And Stop= counts as ever.
    ASSERT_TRUE(vm.stop().ok());
    expect_state("off");
}

TEST_F(HibernateTest, AStopMeanwhileWaitsForIt) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    ASSERT_NO_FATAL_FAILURE(begin_and_hold());
    ASSERT_TRUE(run({"systemctl", "stop", "--no-block", vm.unit()}).ok());
    EXPECT_TRUE(wait_for_state(vm.unit(), "deactivating"));
    let_go_on();
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_TRUE(is_saved());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_answer();
}

TEST_F(HibernateTest, ACompanionThatIsKilledMeanwhileGoesOn) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    const pid_t companion = vm.companion();
    ASSERT_NO_FATAL_FAILURE(begin_and_hold());
    ASSERT_EQ(kill(companion, SIGKILL), 0);
    let_go_on();
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_answer();
}

TEST_F(HibernateTest, AnotherOneMeanwhileIsRefused) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    ASSERT_NO_FATAL_FAILURE(begin_and_hold());
    expect_contains(call_vm(vm.name(), "Hibernate").message, "the VM is being hibernated");
    let_go_on();
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_TRUE(is_saved());
}

// Where the state has no room, the guest goes on at once.
TEST_F(HibernateTest, WithoutRoomTheGuestGoesOn) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    const std::string state = folder() + "/hibernated.new";
    std::filesystem::create_directory(state);  // no file can be there
    const BusReply reply = call_vm(vm.name(), "Hibernate");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "cannot create");
    std::filesystem::remove(state);
    EXPECT_FALSE(is_saved());
    expect_answer();
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
}

// Nor does the guest boot over disks that a saved one counts on.
TEST_F(HibernateTest, AMachineThatDoesNotFitKeepsTheState) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    EXPECT_EQ(call_vm(vm.name(), "Hibernate").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    for (const std::string change : {"Memory=320M\n", "LoadSnapshot=x\n"}) {
        write_file(vm.ini_path(), silent_linux_ini() + "[VM]\n" + change);
        ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
        EXPECT_FALSE(vm.start().ok());
        expect_contains(vm.status().output, "and the VM boots");
        EXPECT_TRUE(is_saved());
    }
    write_file(vm.ini_path(), silent_linux_ini());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_answer();
}

// The caller hears what has become of the guest, whoever has died meanwhile.
TEST_F(HibernateTest, QemunitdDiesMeanwhile) {
    expect_to_be_told_after_death_of(
        [] { return std::stoi(unit_property("qemunitd.service", "MainPID")); });
}

TEST_F(HibernateTest, TheCompanionDiesMeanwhile) {
    expect_to_be_told_after_death_of([this] { return vm.companion(); });
}

// Who has paused it wants it paused, whatever is killed, and whether it could be saved or not.
TEST_F(HibernateTest, APausedGuestStaysPaused) {
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    const pid_t companion = vm.companion();
    const std::string state = folder() + "/hibernated.new";
    std::filesystem::create_directory(state);  // no file can be there
    ASSERT_NO_FATAL_FAILURE(begin_and_hold());
    ASSERT_EQ(kill(companion, SIGKILL), 0);
    let_go_on();
    EXPECT_NE(call->wait().error, "");
    EXPECT_TRUE(wait_for_property(vm.unit(), "StatusText", "Paused"));
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: paused");
    std::filesystem::remove(state);
    // Also the next time, by the same companion.
    EXPECT_EQ(call_vm(vm.name(), "Hibernate").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: paused");
    ASSERT_EQ(call_vm(vm.name(), "Resume").error, "");
    expect_answer();
}

TEST_F(HibernateTest, ABackupMeanwhileIsTheReason) {
    write_file(vm.ini_path(), silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    PendingCall backup(vm.name(), "BeginBackup", "");
    ASSERT_EQ(backup.wait().error, "");
    for (const char *method : {"Hibernate", "Upgrade"}) {
        const BusReply reply = call_vm(vm.name(), method);
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Busy") << method;
        expect_contains(reply.message, "a backup of the VM is under way");
    }
    expect_answer();
}

// As a package brings a new one. The VM is given a QEMU of its own, so that no other one is
// touched.
TEST_F(HibernateTest, UpgradeGoesOnInTheNewQemu) {
    const std::string qemu = "/usr/bin/qemu-to-upgrade", installed = "/usr/bin/qemu-system-x86_64";
    namespace fs = std::filesystem;
    fs::copy_file(installed, qemu, fs::copy_options::overwrite_existing);
    // Of no other QEMU's use while the guest runs, whatever QEMU can.
    write_file(vm.ini_path(),
               silent_linux_ini() + "[VM]\nQEMU=" + qemu + "\n[Serial more]\nDirect=yes\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    const auto upgrade = [&](const std::string &words) {
        return run_words("qemunitctl upgrade " + words);
    };
    EXPECT_EQ(upgrade("--all").output, "Each VM that runs has the QEMU that is installed.\n");
    EXPECT_EQ(upgrade(vm.name()).output, vm.name() + ": runs the QEMU that is installed\n");
    fs::copy_file(installed, qemu + ".new");
    fs::rename(qemu + ".new", qemu);
    expect_contains(run_words("qemunitctl list").output,
                    "qemunitctl upgrade --through-disk " + vm.name());
    expect_contains(run_words("qemunitctl status " + vm.name()).output,
                    "not the one that is installed by now");
    const Finished refused = upgrade(vm.name());
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output, "with --through-disk, the guest is saved");
    const Finished upgraded = upgrade("--through-disk --all");
    EXPECT_TRUE(upgraded.ok()) << upgraded;
    expect_contains(upgraded.output, vm.name() + ": goes on in the new QEMU; saved in ");
    expect_answer();
    // A moment after it has resumed, QEMU becomes the main process in systemd's eyes.
    const auto program = [&] {
        std::error_code gone;
        return fs::read_symlink("/proc/" + std::to_string(vm.main_pid()) + "/exe", gone);
    };
    for (const Deadline deadline; program() != qemu && !deadline.passed();)
        continue;
    EXPECT_EQ(program(), qemu);
    EXPECT_EQ(upgrade("--all").output, "Each VM that runs has the QEMU that is installed.\n");
    fs::remove(qemu);
}

// Whoever starts the VM in between has the guest, and keeps it.
TEST_F(HibernateTest, UpgradeLeavesAVmAloneThatSomebodyHasStarted) {
    const std::string qemu = "/usr/bin/qemu-to-upgrade", installed = "/usr/bin/qemu-system-x86_64";
    namespace fs = std::filesystem;
    fs::copy_file(installed, qemu, fs::copy_options::overwrite_existing);
    write_file(vm.ini_path(), silent_linux_ini() + "[VM]\nQEMU=" + qemu + "\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_NO_FATAL_FAILURE(start_with_answer());
    fs::copy_file(installed, qemu + ".new");
    fs::rename(qemu + ".new", qemu);
    Terminal upgrade({"qemunitctl", "upgrade", "--through-disk", vm.name()});
    ASSERT_TRUE(wait_for_property(vm.unit(), "StatusText", "Saving the machine's state"));
    ASSERT_EQ(kill(upgrade.pid(), SIGSTOP), 0);
    ASSERT_TRUE(wait_for_state(vm.unit(), "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string invocation = unit_property(vm.unit(), "InvocationID");
    ASSERT_EQ(kill(upgrade.pid(), SIGCONT), 0);
    EXPECT_EQ(upgrade.wait(), 0) << upgrade.rest();
    EXPECT_EQ(unit_property(vm.unit(), "InvocationID"), invocation);
    expect_answer();
    fs::remove(qemu);
}

// Debian's qemu-system-i386 is a script, and the program is elsewhere.
TEST(Hibernate, AProgramBehindAScriptIsNotTakenForAnotherOne) {
    namespace fs = std::filesystem;
    VmUnderTest vm("hibscript", boot_sector_ini() + "[VM]\nArchitecture=i386\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const fs::path program = fs::read_symlink("/proc/" + std::to_string(vm.main_pid()) + "/exe");
    EXPECT_EQ(run_words("qemunitctl list").output.find("was replaced"), std::string::npos)
        << program;
    fs::copy_file(program, program.string() + ".new");
    fs::rename(program.string() + ".new", program);
    expect_contains(run_words("qemunitctl list").output, "QEMU was replaced since hibscript began");
}

TEST(Hibernate, WhatWouldBeOfNoUseIsRefused) {
    VmUnderTest vm("hibno", boot_sector_ini() + "[Drive gone]\nFile=" + kGuestDir +
                                "/console.img\nEphemeral=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply reply = call_vm(vm.name(), "Hibernate");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "of no use at the next start: Ephemeral=yes in [Drive gone]");
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
}

// A USB device of the host that is none of the ini: QEMU itself would save the guest, and the
// device would be lost to it. (None is plugged in here; QEMU waits for it.)
TEST(HibernateWithADeviceOfTheHost, IsRefusedBeforeAnythingIsDone) {
    for (const bool hot : {false, true}) {
        const std::string device = "usb-host,vendorid=0x1,productid=0x2,id=stick";
        VmUnderTest vm("hibusb" + std::to_string(getpid() % 100000),
                       boot_sector_ini() + "[VM]\nArguments=-device qemu-xhci\n" +
                           (hot ? "" : "Arguments=-device " + device + "\n") +
                           "[Service]\nRestrictAddressFamilies=AF_NETLINK\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        if (hot) {
            ASSERT_EQ(monitor_command(vm.name(), "device_add " + device).value, "");
        }
        const BusReply hibernated = call_vm(vm.name(), "Hibernate");
        EXPECT_EQ(hibernated.error, "org.qemunit1.Error.Monitor");
        EXPECT_EQ(
            hibernated.message,
            "cannot save the machine's state: it has 'stick' of the host, of which nobody can "
            "save what is in there");
        EXPECT_EQ(call_vm(vm.name(), "SaveSnapshot", "one").message,
                  "VM '" + vm.name() +
                      "' has 'stick' of the host ([HostDevice NAME]), whose state cannot be saved "
                      "with the guest's: it can have no snapshots");
        EXPECT_EQ(status_of_qemu(vm.name()), "VM status: running");
        EXPECT_TRUE(vm.stop().ok());
        EXPECT_FALSE(std::filesystem::exists("/var/lib/qemunit/" + vm.name() + "/hibernated"));
        std::filesystem::remove_all("/var/lib/qemunit/" + vm.name());
    }
}

}  // namespace
}  // namespace qemunit::e2e
