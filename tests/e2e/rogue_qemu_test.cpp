// SPDX-License-Identifier: MIT
//
// QEMUs that a guest has taken over, at the other end of control.sock (rogue_qemu.cpp): each harms
// only its own VM, and qemunitd stays the process it was, and small.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char *kNotRunning = "org.qemunit1.Error.NotRunning";
constexpr const char *kTimeout = "org.qemunit1.Error.Timeout";

// kB. A message may have 16 MiB; while it comes, memory of twice that is in use.
constexpr uint64_t kMemoryMax = 64'000;

std::string daemon_pid() {
    return unit_property("qemunitd.service", "MainPID");
}

// kB, the most that there ever was.
uint64_t memory_peak(const std::string &pid) {
    const std::string status = read_file("/proc/" + pid + "/status");
    const std::size_t at = status.find("VmHWM:");
    return at == status.npos ? UINT64_MAX : std::stoull(status.substr(at + 6));
}

class RogueQemu : public testing::Test {
  protected:
    // One for the whole of a test: it counts what qemunitd has ever used.
    void SetUp() override {
        const std::string qemu = kGuestDir + "/rogue-qemu";
        fs::copy_file(QEMUNIT_ROGUE_QEMU, qemu, fs::copy_options::overwrite_existing);
        fs::permissions(qemu, fs::perms(0755));
        ASSERT_TRUE(honest_.start().ok()) << honest_.status();
        run_words("systemctl stop qemunitd.service");
        expect_service();
        pid_ = daemon_pid();
    }
    void TearDown() override {
        EXPECT_EQ(daemon_pid(), pid_);
        EXPECT_LT(memory_peak(pid_), kMemoryMax);
        std::cout << "qemunitd had at most " << memory_peak(pid_) << " kB\n";
    }

    static std::unique_ptr<VmUnderTest> rogue(const std::string &manners) {
        auto vm = std::make_unique<VmUnderTest>(
            "rogue-" + manners, "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\nQEMU=" + kGuestDir +
                                    "/rogue-qemu\nArguments=rogue:" + manners + "\n");
        EXPECT_TRUE(vm->start().ok()) << vm->status();
        return vm;
    }

    void expect_service() {
        const BusReply reply = monitor_command(honest_.name(), "info status");
        EXPECT_NE(reply.value.find("VM status: running"), std::string::npos) << reply;
    }

    VmUnderTest honest_{"rogues-peer", boot_sector_ini()};
    std::string pid_;
};

TEST_F(RogueQemu, WhatIsNoAnswerEndsTheConnectionAndIsSaid) {
    const std::map<std::string, std::string> kinds = {
        {"endless", "QEMU sent a message of more than 16777216 bytes"},
        {"nested", "QEMU sent something that is not a JSON object"},
        {"values", "QEMU sent something that is not a JSON object"},
        {"garbage", "QEMU sent something that is not a JSON object"},
    };
    for (const auto &[manners, complaint] : kinds) {
        SCOPED_TRACE(manners);
        const auto vm = rogue(manners);
        Journal journal("qemunitd.service");
        const BusReply reply = monitor_command(vm->name(), "info status");
        EXPECT_EQ(reply.error, kNotRunning) << reply;
        EXPECT_NE(reply.message.find(complaint), std::string::npos) << reply;
        const std::string said = "VM '" + vm->name() + "': " + complaint;
        EXPECT_TRUE(journal.read_until([&](const JournalEntry &entry) {
            return entry.message.find(said) != std::string::npos;
        })) << said;
        expect_service();
    }
}

TEST_F(RogueQemu, WhatNeverAnswersTimesOut) {
    std::vector<std::unique_ptr<VmUnderTest>> vms;
    std::vector<std::unique_ptr<PendingCall>> calls;
    for (const char *manners : {"silent", "mute", "unasked", "releasing"}) {
        vms.push_back(rogue(manners));
        calls.push_back(std::make_unique<PendingCall>(vms.back()->name(), "MonitorCommand", "x"));
    }
    expect_service();
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const BusReply reply = calls[i]->wait();
        EXPECT_EQ(reply.error, kTimeout) << vms[i]->name() << ": " << reply;
        expect_service();
    }
}

// Counts the Event signals of a VM, from when it was made.
class EventCount {
  public:
    explicit EventCount(const std::string &vm) : bus_(open_system_bus()) {
        const std::string rule =
            "type='signal',sender='org.qemunit1',member='Event',path='" + vm_path(vm) + "'";
        sd_bus_add_match(
            bus_.get(), nullptr, rule.c_str(),
            [](sd_bus_message *, void *userdata, sd_bus_error *) {
                ++*static_cast<uint64_t *>(userdata);
                return 0;
            },
            &count_);
    }
    // What has been sent before something that the caller has got already.
    uint64_t count() {
        sd_bus_call_method(bus_.get(), "org.qemunit1", "/org/qemunit1", "org.freedesktop.DBus.Peer",
                           "Ping", nullptr, nullptr, nullptr);
        while (sd_bus_process(bus_.get(), nullptr) > 0) {
        }
        return count_;
    }

  private:
    BusPtr bus_;
    uint64_t count_ = 0;
};

TEST_F(RogueQemu, AFloodOfEventsStaysOffTheBusAndTheStateIsRight) {
    using namespace std::chrono;
    const auto vm = rogue("flood");
    StateWatch states(vm->name());
    EventCount events(vm->name());
    const auto begin = steady_clock::now();
    PendingCall call(vm->name(), "MonitorCommand", "x");
    expect_service();
    const BusReply reply = call.wait();
    EXPECT_EQ(reply.value, "flooded") << reply;
    EXPECT_TRUE(states.wait_for("paused"));
    const uint64_t sent = events.count();
    // 1 MiB in each second, of which the first and the last need not be whole.
    const auto seconds = static_cast<uint64_t>(
        duration_cast<std::chrono::seconds>(steady_clock::now() - begin).count());
    EXPECT_GT(sent, 0u);
    EXPECT_LE(sent, (seconds + 2) * 1024) << seconds << " s";
    std::cout << sent << " of 100,000 events were sent in " << seconds << " s\n";
}

}  // namespace
}  // namespace qemunit::e2e
