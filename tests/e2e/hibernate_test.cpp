// SPDX-License-Identifier: MIT
//
// Hibernate of org.qemunit1.VM, of VMs that are not hibernated when they stop: the guest is saved
// and goes on at the next start, or it goes on now.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
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

TEST(Hibernate, WhatWouldBeOfNoUseIsRefused) {
    VmUnderTest vm("hibno", boot_sector_ini() + "[Drive gone]\nFile=" + kGuestDir +
                                "/console.img\nEphemeral=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply reply = call_vm(vm.name(), "Hibernate");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "of no use at the next start: Ephemeral=yes in [Drive gone]");
    EXPECT_EQ(monitor_command(vm.name(), "info status").value, "VM status: running");
}

}  // namespace
}  // namespace qemunit::e2e
