// SPDX-License-Identifier: MIT
//
// Who may do what by way of org.qemunit1: polkit's rules, and what holds without a polkit.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "common/unique_fd.h"
#include "tests/e2e/as_user.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// With busctl, as that user, in that user's groups; a person cannot be asked.
Finished call_as(const std::string &user, const std::string &vm,
                 std::vector<std::string> member_and_arguments) {
    std::vector<std::string> command{"setpriv",
                                     "--reuid=" + user,
                                     "--regid=nogroup",
                                     "--init-groups",
                                     "busctl",
                                     "--timeout=80",
                                     "--allow-interactive-authorization=no",
                                     "call",
                                     "org.qemunit1",
                                     "/org/qemunit1/vm/" + vm,
                                     "org.qemunit1.VM"};
    command.insert(command.end(), member_and_arguments.begin(), member_and_arguments.end());
    return run(command);
}

// The rule of examples/, with two users, of whom one is in the group.
class Permissions : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(run_words("groupadd web-operators").ok());
        ASSERT_TRUE(run_words("useradd --no-create-home --groups web-operators anna").ok());
        ASSERT_TRUE(run_words("useradd --no-create-home bert").ok());
        std::filesystem::copy_file(QEMUNIT_EXAMPLES "/60-qemunit-web.rules", kRule);
        const Finished restarted = run_words("systemctl restart polkit.service");
        ASSERT_TRUE(restarted.ok()) << restarted;
    }
    void TearDown() override {
        std::filesystem::remove(kRule);
        for (const char *command : {"systemctl restart polkit.service", "userdel anna",
                                    "userdel bert", "groupdel web-operators"})
            EXPECT_TRUE(run_words(command).ok()) << command;
    }

    static constexpr const char *kRule = "/etc/polkit-1/rules.d/60-qemunit-web.rules";
};

void expect_refused(const Finished &finished) {
    EXPECT_FALSE(finished.ok()) << finished;
    EXPECT_TRUE(finished.says("Access denied") || finished.says("nteractive authentication"))
        << finished;
}

TEST_F(Permissions, ARuleHandsOneVmToOneGroup) {
    VmUnderTest web("web", boot_sector_ini());
    VmUnderTest other("other", boot_sector_ini());
    ASSERT_TRUE(web.start().ok()) << web.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    const Finished pause = call_as("anna", "web", {"Pause"});
    EXPECT_TRUE(pause.ok()) << pause;
    const Finished resume = call_as("anna", "web", {"Resume"});
    EXPECT_TRUE(resume.ok()) << resume;
    const Finished list = call_as("anna", "web", {"ListSnapshots"});
    EXPECT_TRUE(list.ok()) << list;
    // One VM, and not its monitor.
    expect_refused(call_as("anna", "other", {"Pause"}));
    expect_refused(call_as("anna", "web", {"MonitorCommand", "s", "info status"}));
    expect_refused(call_as("anna", "web", {"Execute", "ss", "query-status", ""}));
    expect_refused(call_as("anna", "web", {"AgentExecute", "ss", "guest-ping", ""}));
    // One group.
    for (const char *member : {"Pause", "Resume", "Reset", "PowerOff", "Quit", "Screenshot"})
        expect_refused(call_as("bert", "web", {member}));
    for (const char *member : {"SaveSnapshot", "LoadSnapshot", "DeleteSnapshot", "TypeText",
                               "AddHostForward", "RemoveHostForward"}) {
        const bool is_forward = std::string_view(member).ends_with("HostForward");
        expect_refused(call_as("bert", "web", {member, "s", is_forward ? "tcp::1-:2" : "x"}));
    }
    expect_refused(call_as("bert", "web", {"SendKeys", "as", "1", "a"}));
    expect_refused(call_as("bert", "web", {"MoveMouse", "ii", "1", "1"}));
    // The monitor and the console are for neither.
    for (const char *user : {"anna", "bert"}) {
        expect_refused(call_as(user, "web", {"OpenMonitor"}));
        expect_refused(call_as(user, "web", {"OpenQMP"}));
        expect_refused(call_as(user, "web", {"OpenSerial", "s", ""}));
        // Nor is all that the guest keeps.
        expect_refused(call_as(user, "web", {"BeginBackup", "s", ""}));
        expect_refused(call_as(user, "web", {"EndBackup", "b", "false"}));
        // Nor where it runs: nobody else gets its memory.
        expect_refused(call_as(user, "web", {"EndMigration", "sb", "x", "false"}));
    }
    expect_refused(call_as("bert", "web", {"DetachDrive", "s", "x"}));
    expect_refused(call_as("bert", "web", {"SetBalloon", "t", "1"}));
    expect_refused(call_as("bert", "web", {"SetCPUs", "u", "1"}));
    expect_refused(call_as("bert", "web", {"SetMemory", "t", "1"}));
    expect_refused(call_as("bert", "web", {"DetachNetwork", "s", "x"}));
    expect_refused(call_as("bert", "web", {"ResizeDrive", "st", "root", "1048576"}));
    // Looking is for everybody.
    EXPECT_TRUE(call_as("bert", "web", {"GetStatistics"}).ok());
    EXPECT_TRUE(call_as("bert", "web", {"ListSnapshots"}).ok());
    EXPECT_TRUE(call_as("bert", "web", {"GetBackup"}).ok());
    EXPECT_NE(monitor_command("web", "info status").value.find("running"), std::string::npos);
}

// The errors of systemd's own daemons.
TEST_F(Permissions, WhoCouldBeAskedForAPasswordIsToldSo) {
    VmUnderTest web("web", boot_sector_ini());
    ASSERT_TRUE(web.start().ok()) << web.status();
    const Finished refused = call_as("bert", "web", {"Pause"});
    EXPECT_TRUE(refused.says("Interactive authentication required")) << refused;
}

// Whoever controls a VM does not read by QEMU's eyes: a qcow2 image can name what the sandbox
// holds.
TEST_F(Permissions, AnImageThatCanNameOthersTakesTheMonitor) {
    VmUnderTest web("web", boot_sector_ini() + "[VM]\nMachine=pc\n");
    ASSERT_TRUE(web.start().ok()) << web.status();
    const std::string image = "/tmp/attached.img";
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", image, "1M"}).ok());
    const UniqueFd fd(open(image.c_str(), O_RDWR | O_CLOEXEC));
    const auto attach = [&](const char *name, const char *format) {
        const AsUser anna("anna");
        return call_vm_with("web", "AttachDrive", [&](sd_bus_message *call) {
            return sd_bus_message_append(call, "sha{sv}", name, fd.get(), 1, "format", "s", format);
        });
    };
    const BusReply qcow2 = attach("one", "qcow2");
    EXPECT_EQ(qcow2.error, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") << qcow2;
    expect_contains(qcow2.message, "takes org.qemunit1.monitor, while one of the format raw does");
    const BusReply raw = attach("two", "raw");
    EXPECT_EQ(raw.error, "") << raw;
    std::filesystem::remove(image);
}

// A system whose administrator has not installed it. That is seen when qemunitd starts.
TEST_F(Permissions, WithoutPolkitTheUserOfTheVmHasAccess) {
    VmUnderTest web("web", boot_sector_ini() + "[VM]\nUser=bert\n");
    ASSERT_TRUE(web.start().ok()) << web.status();
    const std::string activation =
        "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service";
    std::filesystem::rename(activation, activation + ".away");
    for (const char *command : {"systemctl mask --runtime --now polkit.service",
                                "systemctl reload dbus.service", "systemctl restart qemunitd"})
        ASSERT_TRUE(run_words(command).ok()) << command;
    expect_refused(call_as("anna", "web", {"Pause"}));
    EXPECT_TRUE(call_as("anna", "web", {"ListSnapshots"}).ok());
    const Finished own = call_as("bert", "web", {"Pause"});
    EXPECT_TRUE(own.ok()) << own;
    EXPECT_EQ(call_vm("web", "Resume").error, "");
    std::filesystem::rename(activation + ".away", activation);
    for (const char *command : {"systemctl unmask --runtime polkit.service",
                                "systemctl reload dbus.service", "systemctl restart qemunitd"})
        ASSERT_TRUE(run_words(command).ok()) << command;
    expect_refused(call_as("bert", "web", {"Pause"}));
}

// Neither by stopping it, nor by keeping it from starting, nor in the moment when it is killed.
TEST_F(Permissions, APolkitThatDoesNotAnswerGrantsNothing) {
    VmUnderTest web("web", boot_sector_ini());
    ASSERT_TRUE(web.start().ok()) << web.status();
    ASSERT_TRUE(call_as("anna", "web", {"Resume"}).ok());
    const auto expect_all_refused = [] {
        for (const char *user : {"qemunit", "anna", "bert"}) {
            const Finished pause = call_as(user, "web", {"Pause"});
            expect_refused(pause);
            expect_refused(call_as(user, "web", {"ListSnapshots"}));
        }
        EXPECT_EQ(call_vm("web", "Resume").error, "");
    };
    ASSERT_TRUE(run_words("systemctl mask --runtime --now polkit.service").ok());
    expect_all_refused();
    ASSERT_TRUE(run_words("systemctl unmask --runtime polkit.service").ok());
    ASSERT_TRUE(run_words("systemctl start polkit.service").ok());
    const pid_t polkit = std::stoi(unit_property("polkit.service", "MainPID"));
    ASSERT_EQ(kill(polkit, SIGSTOP), 0);
    expect_all_refused();
    std::optional<PendingCall> pause;
    {
        const AsUser own("qemunit");
        pause.emplace("web", "Pause");
    }
    EXPECT_FALSE(pause->is_answered());
    EXPECT_EQ(kill(polkit, SIGKILL), 0);
    // Of the bus, that nobody has answered; or of the next polkit, that somebody has to type a
    // password, which this caller cannot.
    const BusReply reply = pause->wait();
    EXPECT_TRUE(reply.error == "org.freedesktop.DBus.Error.AccessDenied" ||
                reply.error == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
        << reply;
    const Finished after = call_as("anna", "web", {"Pause"});
    EXPECT_TRUE(after.ok()) << after;
}

TEST_F(Permissions, APolkitThatHangsDelaysOnlyWhoNeedsIt) {
    VmUnderTest web("web", boot_sector_ini());
    ASSERT_TRUE(web.start().ok()) << web.status();
    const pid_t polkit = std::stoi(unit_property("polkit.service", "MainPID"));
    ASSERT_GT(polkit, 0);
    ASSERT_EQ(kill(polkit, SIGSTOP), 0);
    // bert's call waits for polkit while root's and his own reading are served.
    EXPECT_EQ(call_vm("web", "Pause").error, "");
    const Finished state = run_words(
        "setpriv --reuid=bert --regid=nogroup --clear-groups busctl get-property "
        "org.qemunit1 /org/qemunit1/vm/web org.qemunit1.VM State");
    EXPECT_EQ(trimmed(state.output), "s \"paused\"");
    const Finished refused = call_as("bert", "web", {"Resume"});
    expect_refused(refused);
    EXPECT_EQ(kill(polkit, SIGCONT), 0);
}

}  // namespace
}  // namespace qemunit::e2e
