// SPDX-License-Identifier: MIT
//
// Many programs call org.qemunit1 for many VMs at once, some leave in the middle of it: every
// answer is that of the VM that was asked, and qemunitd loses nothing and keeps nothing.
#include <gtest/gtest.h>
#include <systemd/sd-event.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "common/event_ptr.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// "QEMUNIT_CALLERS=64 QEMUNIT_CALLS=10000 QEMUNIT_CALLED_VMS=50" for more.
std::size_t figure(const char *variable, std::size_t usual) {
    const char *value = getenv(variable);
    return value ? std::stoul(value) : usual;
}

// A program with several calls on their way, each to another VM, until all are answered.
class Caller {
  public:
    Caller(sd_event *event, const std::vector<std::string> &vms, std::size_t first,
           std::size_t calls, std::size_t &unfinished)
        : bus_(open_system_bus()), vms_(vms), next_(first), left_(calls), unfinished_(unfinished) {
        sd_bus_attach_event(bus_.get(), event, SD_EVENT_PRIORITY_NORMAL);
        for (int i = 0; i < kAtOnce; ++i)
            call();
    }
    Caller(const Caller &) = delete;
    Caller &operator=(const Caller &) = delete;

    std::size_t wrong() const { return wrong_; }
    const std::string &example() const { return example_; }

  private:
    struct Asked {
        Caller *caller;
        const std::string &vm;
    };
    static constexpr int kAtOnce = 5;

    void call() {
        if (left_ == 0)
            return;
        --left_;
        const std::string &vm = vms_[next_++ % vms_.size()];
        const auto asked = new Asked{this, vm};
        sd_bus_slot *slot = nullptr;
        sd_bus_call_method_async(bus_.get(), &slot, "org.qemunit1", vm_path(vm).c_str(),
                                 "org.qemunit1.VM", "Execute", on_reply, asked, "ss", "query-name",
                                 "");
        sd_bus_slot_set_destroy_callback(
            slot, [](void *userdata) { delete static_cast<Asked *>(userdata); });
        sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
    }

    static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *) {
        const auto &[caller, vm] = *static_cast<Asked *>(userdata);
        const char *text = "";
        const sd_bus_error *error = sd_bus_message_get_error(message);
        if (error)
            text = error->message;
        else
            sd_bus_message_read(message, "s", &text);
        if (text != "{\"name\":\"" + vm + "\"}") {
            ++caller->wrong_;
            caller->example_ = vm + ": " + text;
        }
        --caller->unfinished_;
        caller->call();
        return 0;
    }

    BusPtr bus_;
    const std::vector<std::string> &vms_;
    std::size_t next_;
    std::size_t left_;
    std::size_t &unfinished_;
    std::size_t wrong_ = 0;
    std::string example_;
};

TEST(ManyCallers, EachAnswerIsThatOfTheVmAsked) {
    const std::size_t callers = figure("QEMUNIT_CALLERS", 16);
    const std::size_t calls = figure("QEMUNIT_CALLS", 100);
    const auto vms = VmUnderTest::several(
        "asked", std::vector<std::string>(figure("QEMUNIT_CALLED_VMS", 10), boot_sector_ini()));
    const Finished started = start_all(vms);
    ASSERT_TRUE(started.ok()) << started;
    std::vector<std::string> names;
    for (const auto &vm : vms)
        names.push_back(vm->name());
    ASSERT_EQ(monitor_command(names[0], "info status").error, "");
    const std::string pid = unit_property("qemunitd.service", "MainPID");

    sd_event *raw = nullptr;
    ASSERT_GE(sd_event_new(&raw), 0);
    const EventPtr event(raw);
    std::size_t unfinished = callers * calls;
    std::vector<std::unique_ptr<Caller>> running;
    for (std::size_t i = 0; i < callers; ++i)
        running.push_back(std::make_unique<Caller>(event.get(), names, i, calls, unfinished));
    while (unfinished > 0 && sd_event_run(event.get(), Deadline().usec_left()) > 0) {
    }
    EXPECT_EQ(unfinished, 0u) << "no answer came for the time of a deadline";
    for (const auto &caller : running)
        EXPECT_EQ(caller->wrong(), 0u) << caller->example();
    EXPECT_EQ(unit_property("qemunitd.service", "MainPID"), pid);
}

std::size_t open_files(const std::string &pid) {
    using std::filesystem::directory_iterator;
    const directory_iterator files("/proc/" + pid + "/fd");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(ManyCallers, WhoLeavesInTheMiddleOfACallLeavesNothingBehind) {
    VmUnderTest hanging("left", boot_sector_ini());
    VmUnderTest healthy("kept", boot_sector_ini());
    ASSERT_TRUE(hanging.start().ok()) << hanging.status();
    ASSERT_TRUE(healthy.start().ok()) << healthy.status();
    ASSERT_EQ(monitor_command(hanging.name(), "info status").error, "");
    ASSERT_EQ(monitor_command(healthy.name(), "info status").error, "");
    const std::string pid = unit_property("qemunitd.service", "MainPID");
    const std::size_t files = open_files(pid);

    ASSERT_EQ(kill(hanging.main_pid(), SIGSTOP), 0);
    for (int i = 0; i < 50; ++i) {
        PendingCall never(hanging.name(), "MonitorCommand", "info status");
        PendingCall nor_this(hanging.name(), "OpenQMP");
        PendingCall answered(healthy.name(), "MonitorCommand", "info status");
    }
    const BusReply meanwhile = monitor_command(healthy.name(), "info status");
    EXPECT_NE(meanwhile.value.find("VM status: running"), std::string::npos) << meanwhile;
    ASSERT_EQ(kill(hanging.main_pid(), SIGCONT), 0);

    // Behind all those that are left.
    const BusReply after = monitor_command(hanging.name(), "info status");
    EXPECT_NE(after.value.find("VM status: running"), std::string::npos) << after;
    const Deadline deadline;
    while (open_files(pid) > files && !deadline.passed())
        ASSERT_EQ(monitor_command(healthy.name(), "info status").error, "");
    EXPECT_LE(open_files(pid), files);
    EXPECT_EQ(unit_property("qemunitd.service", "MainPID"), pid);
}

// The companion has room for eight connections, and everybody may look.
TEST(ManyCallers, LooksAtAMoveTakeNoRoomFromThoseWhoBeginOne) {
    VmUnderTest vm("manylooks", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::vector<std::unique_ptr<PendingCall>> looks;
    for (int i = 0; i < 100; ++i)
        looks.push_back(std::make_unique<PendingCall>(vm.name(), "GetMigration"));
    const Finished ended = run({"busctl", "--timeout=30", "call", "org.qemunit1",
                                "/org/qemunit1/vm/manylooks", "org.qemunit1.VM", "EndMigration",
                                "sb", "none", "false"});
    expect_contains(ended.output, "no such move waits for a decision");
    for (const auto &look : looks) {
        const BusReply reply = look->wait();
        EXPECT_EQ(reply.error, "") << reply;
    }
}

}  // namespace
}  // namespace qemunit::e2e
