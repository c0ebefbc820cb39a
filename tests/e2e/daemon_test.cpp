// SPDX-License-Identifier: MIT
//
// org.qemunit1 on the system bus: what it tells, what it does, and that neither its death
// nor a hanging QEMU harms anybody.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"
#include "tests/interface_members.h"

namespace qemunit::e2e {
namespace {

std::string state_of(const std::string &vm) {
    return trimmed(run({"busctl", "get-property", "org.qemunit1", "/org/qemunit1/vm/" + vm,
                        "org.qemunit1.VM", "State"})
                       .output);
}

TEST(Daemon, AKilledDaemonLosesNothing) {
    VmUnderTest vm("dkill", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(monitor_command(vm.name(), "info status").error, "");
    const pid_t qemu = vm.main_pid();
    for (int i = 0; i < 2; ++i) {
        const std::string daemon = unit_property("qemunitd.service", "MainPID");
        ASSERT_GT(std::stoi(daemon), 0);
        NameWatch name;
        ASSERT_EQ(kill(std::stoi(daemon), SIGKILL), 0);
        ASSERT_TRUE(name.wait_for_loss());  // the bus has seen it die
        const BusReply reply = monitor_command(vm.name(), "info status");
        EXPECT_NE(reply.value.find("VM status: running"), std::string::npos) << reply;
        EXPECT_NE(unit_property("qemunitd.service", "MainPID"), daemon);
    }
    EXPECT_EQ(vm.main_pid(), qemu);
    EXPECT_EQ(state_of(vm.name()), "s \"running\"");
}

// As by an update: those that come while it ends are its own, or of the one after it.
TEST(Daemon, NoCallIsLostWhenItIsEnded) {
    const BusPtr bus = open_system_bus();
    sd_bus_set_method_call_timeout(bus.get(), Deadline().usec_left());
    const auto list = [&bus] {
        return sd_bus_call_method(bus.get(), "org.qemunit1", "/org/qemunit1",
                                  "org.qemunit1.Manager", "ListVMs", nullptr, nullptr, nullptr);
    };
    for (int i = 0; i < 10; ++i) {
        ASSERT_GE(list(), 0) << i;
        const pid_t daemon = std::stoi(unit_property("qemunitd.service", "MainPID"));
        ASSERT_GT(daemon, 0);
        ASSERT_EQ(kill(daemon, SIGTERM), 0);
        const Deadline deadline;
        while (kill(daemon, 0) == 0 && !deadline.passed())
            ASSERT_GE(list(), 0) << i;
        EXPECT_NE(kill(daemon, 0), 0);
    }
}

TEST(Daemon, ABusThatIsRestartedIsServedAgain) {
    VmUnderTest vm("dbusagain", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(monitor_command(vm.name(), "info status").error, "");
    const pid_t qemu = vm.main_pid();
    const std::string daemon = unit_property("qemunitd.service", "MainPID");
    const Finished restart = run({"systemctl", "restart", "dbus.service"});
    ASSERT_TRUE(restart.ok()) << restart;
    const BusReply reply = monitor_command(vm.name(), "info status");
    EXPECT_NE(reply.value.find("VM status: running"), std::string::npos) << reply;
    EXPECT_NE(unit_property("qemunitd.service", "MainPID"), daemon);
    EXPECT_EQ(vm.main_pid(), qemu);
    EXPECT_EQ(state_of(vm.name()), "s \"running\"");
    expect_contains(journalctl("qemunitd.service"), "the bus has gone away");
    // The logind of systemd 262 is not there for the next test: it keeps to the bus that was.
    EXPECT_TRUE(run_words("systemctl restart systemd-logind.service").ok());
}

TEST(Daemon, AHangingQemuTimesOutAndDelaysNobody) {
    VmUnderTest hanging("dhang", boot_sector_ini());
    VmUnderTest healthy("dwell", boot_sector_ini());
    ASSERT_TRUE(hanging.start().ok()) << hanging.status();
    ASSERT_TRUE(healthy.start().ok()) << healthy.status();
    const pid_t qemu = hanging.main_pid();
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);

    PendingCall stuck(hanging.name(), "MonitorCommand", "info status");
    PendingCall stuck_too(hanging.name(), "Pause");
    const BusReply meanwhile = monitor_command(healthy.name(), "info status");
    EXPECT_NE(meanwhile.value.find("VM status: running"), std::string::npos) << meanwhile;
    EXPECT_FALSE(stuck.is_answered());
    const Finished list =
        run_words("busctl call org.qemunit1 /org/qemunit1 org.qemunit1.Manager ListVMs");
    EXPECT_TRUE(list.ok() && list.says("\"dhang\"")) << list;
    EXPECT_FALSE(stuck.is_answered());

    const BusReply reply = stuck.wait();
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Timeout") << reply;
    const BusReply reply_too = stuck_too.wait();
    EXPECT_EQ(reply_too.error, "org.qemunit1.Error.Timeout") << reply_too;

    // It recovers with its VM.
    ASSERT_EQ(kill(qemu, SIGCONT), 0);
    EXPECT_EQ(monitor_command(hanging.name(), "info status").error, "");
}

TEST(Daemon, ListsAllVmsAndBootsNone) {
    VmUnderTest off("doff", boot_sector_ini());
    VmUnderTest on("don", boot_sector_ini());
    ASSERT_TRUE(off.enable_sockets().ok());
    ASSERT_TRUE(on.start().ok()) << on.status();
    const Finished list =
        run_words("busctl call org.qemunit1 /org/qemunit1 org.qemunit1.Manager ListVMs");
    EXPECT_TRUE(list.says("\"doff\" \"off\" \"qemu@doff.service\" \"/org/qemunit1/vm/doff\""))
        << list;
    EXPECT_TRUE(list.says("\"don\" \"running\" \"qemu@don.service\" \"/org/qemunit1/vm/don\""))
        << list;
    const Finished one =
        run_words("busctl call org.qemunit1 /org/qemunit1 org.qemunit1.Manager GetVM s doff");
    EXPECT_EQ(trimmed(one.output), "o \"/org/qemunit1/vm/doff\"");
    const Finished objects = run_words(
        "busctl call org.qemunit1 /org/qemunit1 org.freedesktop.DBus.ObjectManager "
        "GetManagedObjects");
    EXPECT_TRUE(objects.says("/org/qemunit1/vm/doff") && objects.says("/org/qemunit1/vm/don"))
        << objects;
    const Finished path = run_words(
        "busctl get-property org.qemunit1 /org/qemunit1/vm/doff org.qemunit1.VM SourcePath");
    EXPECT_EQ(trimmed(path.output), "s \"/etc/qemunit/doff.ini\"");
    EXPECT_EQ(unit_property(off.unit(), "ActiveState"), "inactive");

    const BusReply not_running = monitor_command(off.name(), "info status");
    EXPECT_EQ(not_running.error, "org.qemunit1.Error.NotRunning") << not_running;
    EXPECT_EQ(unit_property(off.unit(), "ActiveState"), "inactive");
}

TEST(Daemon, ErrorsHaveNames) {
    VmUnderTest vm("derror", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished unknown =
        run_words("busctl call org.qemunit1 /org/qemunit1 org.qemunit1.Manager GetVM s nobody");
    EXPECT_FALSE(unknown.ok()) << unknown;
    const Finished monitor = run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/derror",
                                  "org.qemunit1.VM", "Execute", "ss", "no-such-command", ""});
    EXPECT_TRUE(!monitor.ok() && monitor.says("no-such-command has not been found")) << monitor;
    const Finished argument =
        run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/derror", "org.qemunit1.VM",
             "Execute", "ss", "query-status", "{not json"});
    EXPECT_FALSE(argument.ok()) << argument;
    const Finished executed = run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/derror",
                                   "org.qemunit1.VM", "Execute", "ss", "query-status", ""});
    EXPECT_TRUE(executed.ok() && executed.says("\\\"status\\\"") && executed.says("running"))
        << executed;
}

TEST(Daemon, ControlsAVm) {
    VmUnderTest vm("dcontrol", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(state_of(vm.name()), "s \"running\"");
    EXPECT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_EQ(state_of(vm.name()), "s \"paused\"");
    EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
    EXPECT_EQ(state_of(vm.name()), "s \"running\"");

    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("qemunit guest ready\r\n> "));
    EXPECT_EQ(call_vm(vm.name(), "Reset").error, "");
    auto again = client->read_until("qemunit guest ready\r\n> ");
    EXPECT_TRUE(again) << again.error().message;

    // The guest obeys the power button.
    EXPECT_EQ(call_vm(vm.name(), "PowerOff").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(state_of(vm.name()), "s \"off\"");

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(call_vm(vm.name(), "Quit").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

TEST(Daemon, StateChangesAreSignalled) {
    VmUnderTest vm("dsignal", boot_sector_ini());
    StateWatch states(vm.name());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(states.wait_for("running"));
    EXPECT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_TRUE(states.wait_for("paused"));
    EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
    EXPECT_TRUE(states.wait_for("running"));
    // Not by its own doing: somebody at the monitor.
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    ASSERT_TRUE(monitor) << monitor.error().message;
    ASSERT_TRUE(monitor->send("stop\n"));
    EXPECT_TRUE(states.wait_for("paused"));
    ASSERT_TRUE(monitor->send("quit\n"));
    EXPECT_TRUE(states.wait_for("off"));
}

TEST(Daemon, EverybodyMayLookAndRootMayAct) {
    VmUnderTest vm("dpolicy", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto as_nobody = [](const std::string &busctl) {
        return run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups busctl " + busctl);
    };
    const Finished list = as_nobody("call org.qemunit1 /org/qemunit1 org.qemunit1.Manager ListVMs");
    EXPECT_TRUE(list.ok() && list.says("dpolicy")) << list;
    const Finished state =
        as_nobody("get-property org.qemunit1 /org/qemunit1/vm/dpolicy org.qemunit1.VM State");
    EXPECT_EQ(trimmed(state.output), "s \"running\"");
    for (const char *call : {"Quit", "Pause", "MonitorCommand s quit"}) {
        const Finished refused = as_nobody(
            std::string("call org.qemunit1 /org/qemunit1/vm/dpolicy org.qemunit1.VM ") + call);
        EXPECT_FALSE(refused.ok()) << refused;
    }
    EXPECT_EQ(state_of(vm.name()), "s \"running\"");
}

TEST(Daemon, TheInstalledXmlIsWhatItOffers) {
    VmUnderTest vm("dxml", boot_sector_ini());
    const std::string xml = read_file("/usr/share/dbus-1/interfaces/org.qemunit1.xml");
    const auto offered = [](const std::string &path) {
        return run({"busctl", "introspect", "--xml-interface", "org.qemunit1", path}).output;
    };
    EXPECT_EQ(members_of(offered("/org/qemunit1/vm/dxml"), "org.qemunit1.VM"),
              members_of(xml, "org.qemunit1.VM"));
    EXPECT_EQ(members_of(offered("/org/qemunit1"), "org.qemunit1.Manager"),
              members_of(xml, "org.qemunit1.Manager"));
    EXPECT_GT(members_of(xml, "org.qemunit1.VM").size(), 20u);
}

}  // namespace
}  // namespace qemunit::e2e
