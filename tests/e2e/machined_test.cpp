// SPDX-License-Identifier: MIT
//
// Register=yes: what machinectl(1) shows of a VM, and what its verbs do.
#include <gtest/gtest.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
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
