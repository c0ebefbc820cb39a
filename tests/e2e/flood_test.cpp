// SPDX-License-Identifier: MIT
//
// A user without rights calls as much, and with as long messages, as the bus lets him: that costs
// qemunitd next to nothing, and nobody else anything. What it costs is counted, not timed.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/e2e/as_user.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

pid_t main_pid_of(const std::string &unit) {
    return std::stoi("0" + unit_property(unit, "MainPID"));
}

// A line of /proc/PID/status, in KiB.
std::size_t kib_in_status(pid_t process, const std::string &key) {
    std::ifstream lines("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key + ":"))
            return std::stoul(line.substr(key.size() + 1));
    return 0;
}

// Ticks that it has run, in user mode and in the kernel: proc(5), stat.
unsigned long ticks_of(pid_t process) {
    const std::string text = read_file("/proc/" + std::to_string(process) + "/stat");
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    unsigned long user = 0, kernel = 0;
    fields >> user >> kernel;
    return user + kernel;
}

// bert, and his calls that are on their way.
class Flood {
  public:
    Flood() {
        const AsUser bert("bert");
        bus_ = open_system_bus();
    }
    Flood(const Flood &) = delete;
    Flood &operator=(const Flood &) = delete;

    void call(const char *member, const std::string &text, bool with_arguments = false) {
        sd_bus_message *message = nullptr;
        ASSERT_GE(
            sd_bus_message_new_method_call(bus_.get(), &message, "org.qemunit1",
                                           vm_path("flooded").c_str(), "org.qemunit1.VM", member),
            0);
        if (with_arguments)
            sd_bus_message_append(message, "ss", "query-status", text.c_str());
        else
            sd_bus_message_append(message, "s", text.c_str());
        ASSERT_GE(sd_bus_call_async(bus_.get(), nullptr, message, on_reply, this, UINT64_MAX), 0);
        sd_bus_message_unref(message);
        ++open_;
    }
    void flush() { ASSERT_GE(sd_bus_flush(bus_.get()), 0); }
    // All are answered, and none with success.
    testing::AssertionResult is_refused(Deadline deadline = Deadline()) {
        while (open_ > 0 && !deadline.passed())
            if (sd_bus_process(bus_.get(), nullptr) == 0)
                sd_bus_wait(bus_.get(), deadline.usec_left());
        if (open_ > 0 || allowed_ > 0)
            return testing::AssertionFailure()
                   << open_ << " are not answered, " << allowed_ << " are allowed";
        return testing::AssertionSuccess();
    }
    unsigned too_many() const { return too_many_; }

  private:
    static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *) {
        auto *flood = static_cast<Flood *>(userdata);
        --flood->open_;
        flood->allowed_ += !sd_bus_message_is_method_error(reply, nullptr);
        flood->too_many_ += sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED) > 0;
        return 0;
    }

    BusPtr bus_;
    unsigned open_ = 0, allowed_ = 0, too_many_ = 0;
};

class Floods : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(run_words("useradd --no-create-home bert").ok());
        ASSERT_TRUE(vm_.start().ok()) << vm_.status();
        // The bus starts it when it is first asked, which some of these tests keep it from.
        ASSERT_TRUE(run_words("systemctl start polkit.service").ok());
        NameWatch name;
        ASSERT_TRUE(run_words("systemctl restart qemunitd").ok());
        ASSERT_EQ(monitor_command(vm_.name(), "info status").error, "");
    }
    void TearDown() override { EXPECT_TRUE(run_words("userdel bert").ok()); }

    VmUnderTest vm_{"flooded", boot_sector_ini()};
};

// The longest text takes some thousand steps to type; a long JSON is long to parse.
TEST_F(Floods, WhatSomebodyMayNotDoIsNotBegun) {
    const pid_t daemon = main_pid_of("qemunitd.service");
    Flood flood;
    const auto before = ticks_of(daemon);
    for (int i = 0; i < 100; ++i)
        flood.call("TypeText", std::string(4096, '@'));
    const std::string json = "{\"a\":[0" + [] {
        std::string numbers;
        for (int i = 0; i < 200'000; ++i)
            numbers += ",0";
        return numbers;
    }() + "]}";
    for (const char *member : {"Execute", "AgentExecute"})
        for (int i = 0; i < 10; ++i)
            flood.call(member, json, /*with_arguments=*/true);
    EXPECT_TRUE(flood.is_refused());
    EXPECT_EQ(main_pid_of("qemunitd.service"), daemon);
    // 120 calls, each 100 ms and more if it was begun.
    EXPECT_LT(ticks_of(daemon) - before, sysconf(_SC_CLK_TCK));
}

TEST_F(Floods, LongMessagesThatWaitForPolkitHaveABound) {
    const pid_t daemon = main_pid_of("qemunitd.service");
    const pid_t polkit = main_pid_of("polkit.service");
    ASSERT_GT(polkit, 0);
    ASSERT_EQ(kill(polkit, SIGSTOP), 0);
    Flood first, second;
    for (int i = 0; i < 25; ++i)
        for (Flood *flood : {&first, &second}) {
            flood->call("MonitorCommand", std::string(4u << 20, 'x'));
            flood->flush();
        }
    // Nobody else has to wait for that.
    expect_contains(monitor_command(vm_.name(), "info status").value, "running");
    EXPECT_TRUE(first.is_refused());
    EXPECT_TRUE(second.is_refused());
    EXPECT_GT(first.too_many() + second.too_many(), 25u);
    EXPECT_EQ(kill(polkit, SIGCONT), 0);
    EXPECT_EQ(main_pid_of("qemunitd.service"), daemon);
    EXPECT_LT(kib_in_status(daemon, "VmHWM"), 120u << 10);
}

// More calls than the bus lets qemunitd have open with polkit.
TEST_F(Floods, ManyCallsTakeNobodysTurn) {
    const pid_t polkit = main_pid_of("polkit.service");
    ASSERT_GT(polkit, 0);
    ASSERT_EQ(kill(polkit, SIGSTOP), 0);
    Flood floods[3];
    for (Flood &flood : floods) {
        for (int i = 0; i < 120; ++i)
            flood.call("MonitorCommand", "info status");
        flood.flush();
    }
    expect_contains(monitor_command(vm_.name(), "info status").value, "running");
    // systemd is asked by qemunitd as well.
    const Finished statistics = run_words(
        "busctl call org.qemunit1 /org/qemunit1/vm/flooded org.qemunit1.VM GetStatistics");
    EXPECT_TRUE(statistics.ok() && statistics.says("CPUUsageNSec")) << statistics;
    for (Flood &flood : floods)
        EXPECT_TRUE(flood.is_refused());
    EXPECT_EQ(kill(polkit, SIGCONT), 0);
    // polkit answers what it was asked then, and serves again.
    Flood next;
    next.call("MonitorCommand", "info status");
    EXPECT_TRUE(next.is_refused());
    EXPECT_EQ(next.too_many(), 0u);
}

// Some four minutes of text.
TEST_F(Floods, TypingEndsWithWhoAskedForIt) {
    const std::string text(4096, 'a');
    auto leaves = std::make_unique<PendingCall>(vm_.name(), "TypeText", text);
    // What came before has begun when this is answered.
    ASSERT_EQ(monitor_command(vm_.name(), "info status").error, "");
    PendingCall stays(vm_.name(), "TypeText", "b");
    EXPECT_FALSE(leaves->is_answered());
    leaves.reset();
    const BusReply typed = stays.wait();
    EXPECT_EQ(typed.error, "") << typed;
}

}  // namespace
}  // namespace qemunit::e2e
