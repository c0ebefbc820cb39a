// SPDX-License-Identifier: MIT
//
// Register=yes: what machinectl(1) shows of a VM, and what its verbs do.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kUuid = "00112233-4455-6677-8899-aabbccddeeff";

std::string registered_ini(const std::string &more = "") {
    return boot_sector_ini() + "[VM]\nRegister=yes\n" + more;
}

// machined's signals of machines that come and go.
class MachineWatch {
  public:
    explicit MachineWatch(std::string machine) : machine_(std::move(machine)) {
        sd_bus_add_match(bus_.get(), nullptr,
                         "type='signal',sender='org.freedesktop.machine1',"
                         "path='/org/freedesktop/machine1'",
                         on_signal, this);
    }
    bool wait_for(const std::string &member, Deadline deadline = Deadline()) {
        while (last_ != member) {
            if (deadline.passed())
                return false;
            if (sd_bus_process(bus_.get(), nullptr) == 0)
                sd_bus_wait(bus_.get(), deadline.usec_left());
        }
        return true;
    }

  private:
    static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *) {
        auto *watch = static_cast<MachineWatch *>(userdata);
        const char *machine = nullptr;
        if (sd_bus_message_read(message, "so", &machine, nullptr) >= 0 &&
            machine == watch->machine_)
            watch->last_ = sd_bus_message_get_member(message);
        return 0;
    }

    const std::string machine_;
    std::string last_;
    BusPtr bus_ = open_system_bus();
};

std::string shown(const std::string &machine, const std::string &property) {
    return trimmed(run({"machinectl", "show", "--value", "-p", property, machine}).output);
}

bool says(Journal &journal, const std::string &text) {
    return journal
        .read_until([&text](const JournalEntry &entry) {
            return entry.message.find(text) != std::string::npos;
        })
        .has_value();
}

TEST(Machined, ListsAVmAsLongAsItRuns) {
    VmUnderTest vm("machine", registered_ini(std::string("UUID=") + kUuid + "\n"));
    MachineWatch machine(vm.name());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew")) << journalctl("qemu-machine@machine.service");
    const Finished list = run_words("machinectl list --no-legend --no-pager");
    EXPECT_TRUE(list.says("machine") && list.says("vm") && list.says("qemunit")) << list;
    EXPECT_EQ(shown("machine", "Class"), "vm");
    EXPECT_EQ(shown("machine", "Service"), "qemunit");
    EXPECT_EQ(shown("machine", "Unit"), vm.unit());
    EXPECT_EQ(shown("machine", "Id"), "00112233445566778899aabbccddeeff");
    EXPECT_EQ(shown("machine", "Leader"), std::to_string(vm.supervisor()));
    const Finished status = run_words("machinectl status --no-pager machine");
    EXPECT_TRUE(status.says(vm.unit()) && status.says("qemu-system-")) << status;
    // One that is started again before it was missed is another one.
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineRemoved"));
    ASSERT_TRUE(machine.wait_for("MachineNew"));
    EXPECT_TRUE(wait_for_property("qemu-machine@machine.service", "ActiveState", "inactive"));
    EXPECT_EQ(unit_property("qemu-machine@machine.service", "Result"), "success");
    EXPECT_EQ(shown("machine", "Leader"), std::to_string(vm.supervisor()));
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(machine.wait_for("MachineRemoved"));
    EXPECT_FALSE(run_words("machinectl list --no-legend --no-pager").says("machine "));
}

TEST(Machined, PowersOffByTheButtonAndTerminatesByTheUnit) {
    // The guest obeys the button, and nothing else would let the stop wait for it.
    VmUnderTest vm("mpower", registered_ini("Stop=poweroff\n"));
    MachineWatch machine(vm.name());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew"));
    Finished done = run_words("machinectl poweroff mpower");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
    EXPECT_NE(journalctl(vm.unit()).find("powered off"), std::string::npos)
        << journalctl(vm.unit());
    EXPECT_TRUE(machine.wait_for("MachineRemoved"));

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew"));
    const pid_t qemu = vm.main_pid();
    done = run_words("machinectl reboot mpower");  // no such button
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(vm.main_pid(), qemu);
    done = run_words("machinectl terminate mpower");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

// "systemd 262 (262.1-1)"
unsigned systemd_version() {
    const std::string text = run_words("systemctl --version").output;
    return static_cast<unsigned>(
        std::strtoul(text.substr(text.find(' ') + 1).c_str(), nullptr, 10));
}

#define SKIP_BEFORE(version, what)                                                           \
    if (systemd_version() < (version))                                                       \
    GTEST_SKIP() << "systemd " << systemd_version() << " has no " what ", which comes with " \
                 << (version)

std::string state_of(const std::string &vm) {
    return trimmed(run({"busctl", "get-property", "org.qemunit1", "/org/qemunit1/vm/" + vm,
                        "org.qemunit1.VM", "State"})
                       .output);
}

// As of a host without vhost-vsock: what is registered is what QEMU's command line says.
constexpr const char *kVsock =
    "Arguments=-fw_cfg name=opt/test,string=vhost-vsock-guest-cid=4711\n";

void expect_ways_to_guest(const VmUnderTest &vm) {
    EXPECT_EQ(shown(vm.name(), "SSHAddress"), "qemu/" + vm.name());
    EXPECT_EQ(shown(vm.name(), "SSHPrivateKeyPath"), "");
    EXPECT_EQ(shown(vm.name(), "VSockCID"), "4711");
    EXPECT_EQ(shown(vm.name(), "Leader"), std::to_string(vm.supervisor()));
    EXPECT_EQ(shown(vm.name(), "Unit"), vm.unit());
    EXPECT_EQ(shown(vm.name(), "Id"), "00112233445566778899aabbccddeeff");
}

// By D-Bus, which 261 has as well.
TEST(Machined, IsToldHowToReachTheGuest) {
    SKIP_BEFORE(259u, "RegisterMachineEx");
    const std::string drop_in = "/run/systemd/system/qemu-machine@mssh.service.d";
    std::filesystem::create_directories(drop_in);
    write_file(drop_in + "/bus.conf", "[Service]\nInaccessiblePaths=-/run/systemd/machine\n");
    VmUnderTest vm("mssh", registered_ini(std::string("UUID=") + kUuid + "\n" + kVsock));
    MachineWatch machine(vm.name());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew")) << journalctl("qemu-machine@mssh.service");
    expect_ways_to_guest(vm);
    std::filesystem::remove_all(drop_in);
}

TEST(Machined, DoesWhatMachinectlSays) {
    SKIP_BEFORE(261u, "io.systemd.MachineInstance");
    VmUnderTest vm("minst", registered_ini(std::string("UUID=") + kUuid + "\n" + kVsock));
    MachineWatch machine(vm.name());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew")) << journalctl("qemu-machine@minst.service");
    expect_ways_to_guest(vm);
    const pid_t qemu = vm.main_pid();
    Finished done = run_words("machinectl pause minst");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(state_of("minst"), "s \"paused\"");
    done = run_words(
        "varlinkctl call /run/qemunit-machine/minst io.systemd.MachineInstance.Describe {}");
    EXPECT_TRUE(done.says("false") && done.says("\"paused\"")) << done;
    done = run_words("machinectl resume minst");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(state_of("minst"), "s \"running\"");
    done = run_words("varlinkctl introspect /run/qemunit-machine/minst io.systemd.MachineInstance");
    EXPECT_TRUE(done.ok() && done.says("PowerOff")) << done;
    ASSERT_TRUE(journal.read_until_line("qemunit guest ready"));
    done = run_words("machinectl reboot minst");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_TRUE(journal.read_until_line("qemunit guest ready")) << journalctl(vm.unit());
    EXPECT_EQ(vm.main_pid(), qemu);
    done = run_words("machinectl poweroff minst");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
    EXPECT_TRUE(wait_until_gone("/run/qemunit-machine/minst")) << "the VM is off";
    EXPECT_TRUE(machine.wait_for("MachineRemoved"));

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(machine.wait_for("MachineNew"));
    done = run_words("machinectl terminate minst");
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_TRUE(wait_until_gone("/run/qemunit-machine/minst"));
}

TEST(Machined, LetsOthersDoWhatPolkitLetsThem) {
    SKIP_BEFORE(261u, "io.systemd.MachineInstance");
    const std::string rule = "/etc/polkit-1/rules.d/60-qemunit-web.rules";
    ASSERT_TRUE(run_words("groupadd web-operators").ok());
    ASSERT_TRUE(run_words("useradd --no-create-home --groups web-operators anna").ok());
    ASSERT_TRUE(run_words("useradd --no-create-home bert").ok());
    std::filesystem::copy_file(QEMUNIT_EXAMPLES "/60-qemunit-web.rules", rule);
    ASSERT_TRUE(run_words("systemctl restart polkit.service").ok());
    {
        VmUnderTest vm("web", registered_ini());
        MachineWatch machine(vm.name());
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        ASSERT_TRUE(machine.wait_for("MachineNew")) << journalctl("qemu-machine@web.service");
        const auto as = [](const std::string &user, const std::string &method) {
            return run({"setpriv", "--reuid=" + user, "--regid=nogroup", "--init-groups",
                        "varlinkctl", "call", "/run/qemunit-machine/web",
                        "io.systemd.MachineInstance." + method, "{}"});
        };
        Finished done = as("bert", "Pause");
        EXPECT_FALSE(done.ok()) << done;
        EXPECT_TRUE(done.says("PermissionDenied") || done.says("InteractiveAuthentication"))
            << done;
        EXPECT_EQ(state_of("web"), "s \"running\"");
        done = as("bert", "Describe");
        EXPECT_TRUE(done.ok() && done.says("running")) << done;
        done = as("anna", "Pause");
        EXPECT_TRUE(done.ok()) << done;
        EXPECT_EQ(state_of("web"), "s \"paused\"");
        done =
            run_words("setpriv --reuid=anna --regid=nogroup --init-groups machinectl resume web");
        EXPECT_TRUE(done.ok()) << done;
        EXPECT_EQ(state_of("web"), "s \"running\"");
    }
    std::filesystem::remove(rule);
    for (const char *command : {"systemctl restart polkit.service", "userdel anna", "userdel bert",
                                "groupdel web-operators"})
        EXPECT_TRUE(run_words(command).ok()) << command;
}

TEST(Machined, OfAUserListsTheVmsOfThatUser) {
    UserSession user("joe");
    VmOfUser vm(user, "own", boot_sector_ini() + "[VM]\nRegister=yes\n");
    Journal journal("qemu-machine@own.service", Journal::Of::user);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    if (systemd_version() < 259) {
        EXPECT_TRUE(says(journal, "machinectl does not list it"))
            << user.journalctl("qemu-machine@own.service");
        EXPECT_EQ(user.unit_property(vm.unit(), "ActiveState"), "active");
        GTEST_SKIP() << "systemd " << systemd_version()
                     << " has no machined for users, which comes with 259";
    }
    ASSERT_TRUE(says(journal, "registered with systemd-machined"))
        << user.journalctl("qemu-machine@own.service");
    Finished done = user.run_words("machinectl --user list --no-legend --no-pager");
    EXPECT_TRUE(done.says("own") && done.says("qemunit")) << done;
    done = user.run_words("machinectl --user show -p SSHAddress --value own");
    EXPECT_EQ(done.output, "qemu-user/own\n");
    EXPECT_FALSE(run_words("machinectl list --no-legend --no-pager").says("own"));
    if (systemd_version() >= 261) {
        done = user.run_words("machinectl --user pause own");
        EXPECT_TRUE(done.ok()) << done;
        done = user.run_words("machinectl --user resume own");
        EXPECT_TRUE(done.ok()) << done;
        done = user.run_words("machinectl --user poweroff own");
        EXPECT_TRUE(done.ok()) << done;
        EXPECT_TRUE(user.reaches_state(vm.unit(), "inactive"));
    }
}

TEST(Machined, OfNoneAVmTakesNoNotice) {
    ASSERT_TRUE(run_words("systemctl mask --runtime --now systemd-machined.service").ok());
    VmUnderTest vm("mmasked", registered_ini());
    Journal journal("qemu-machine@mmasked.service");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(says(journal, "machinectl does not list it"))
        << journalctl("qemu-machine@mmasked.service");
    EXPECT_TRUE(wait_for_state("qemu-machine@mmasked.service", "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(run_words("systemctl unmask --runtime systemd-machined.service").ok());
}

TEST(Machined, ANameThatIsNoHostNameIsLeftOut) {
    VmUnderTest vm("m_name", registered_ini());
    Journal journal("qemu-machine@m_name.service");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(says(journal, "Invalid machine name")) << journalctl("qemu-machine@m_name.service");
    EXPECT_TRUE(wait_for_state("qemu-machine@m_name.service", "inactive"));
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

}  // namespace
}  // namespace qemunit::e2e
