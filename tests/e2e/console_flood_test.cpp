// SPDX-License-Identifier: MIT
//
// A guest that prints numbered lines as fast as it can, whatever becomes of journald
// meanwhile: each line is in the journal, once, in order.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/slowed.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

using namespace std::chrono_literals;

constexpr const char *kJournald = "systemd-journald.service";

// The guest of tests/guests/flood.S.
class ConsoleFlood : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        auto connected = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(connected) << connected.error().message;
        client = std::move(*connected);
        ASSERT_TRUE(client->read_until(kPrompt));
    }

    void print(int lines) { ASSERT_TRUE(client->send(fmt::format("{}\r", lines))); }

    // Reads lines up to number `last` in the journal: none twice, each after the one before.
    // What is not there is counted.
    void read_lines_to(int last) {
        const auto read = journal.read_lines([&](std::string_view line) {
            if (line.starts_with(kPrompt))
                return true;
            const int number = std::atoi(std::string(line).c_str());
            if (line != fmt::format("{:07}", number) || number <= line_) {
                ADD_FAILURE() << "'" << line << "' after " << line_;
                return false;
            }
            missing_ += number - line_ - 1;
            line_ = number;
            return line_ < last;
        });
        ASSERT_TRUE(read) << read.error().message << " after " << line_;
        ASSERT_FALSE(HasFailure());
    }
    // And nothing comes after it but the guest's next question.
    void expect_no_more() {
        EXPECT_TRUE(vm.stop().ok());
        const auto rest = lines_of(journal.read_rest());
        EXPECT_EQ(rest, std::vector<std::string>{kPrompt});
    }
    void expect_whole() {
        EXPECT_EQ(missing_, 0);
        expect_no_more();
    }

    static constexpr const char *kPrompt = "how many? ";

    VmUnderTest vm{testing::UnitTest::GetInstance()->current_test_info()->name(),
                   boot_sector_ini("flood.img")};
    Journal journal{vm.unit()};
    std::optional<UnixClient> client;
    int line_ = 0;     // the last one that was seen
    int missing_ = 0;  // of those before it
};

// With QEMUNIT_FLOOD_LINES=1000000: a minute, and 500 MB of journal.
TEST_F(ConsoleFlood, OfManyLinesNoneIsLost) {
    const char *wanted = std::getenv("QEMUNIT_FLOOD_LINES");
    const int lines = wanted ? std::atoi(wanted) : 200'000;
    print(lines);
    client.reset();
    ASSERT_NO_FATAL_FAILURE(read_lines_to(lines));
    expect_whole();
}

// As it does while it waits for a disk that stalls. The companion runs meanwhile, and no event
// tells that the guest does not.
TEST_F(ConsoleFlood, QemuStandsStill) {
    constexpr int kLines = 60'000;
    print(kLines);
    client.reset();
    {
        const Slowed slowed(vm.main_pid(), 100ms, 2500ms);
        read_lines_to(1000);
        for (int times = 0; times < 4 && !HasFailure(); ++times)
            read_lines_to(line_ + 1000);
    }
    ASSERT_FALSE(HasFailure());
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    expect_whole();
}

TEST_F(ConsoleFlood, JournaldIsRestarted) {
    constexpr int kLines = 100'000;
    print(kLines);
    client.reset();
    for (int lines = 10'000; lines < kLines; lines += 30'000) {
        ASSERT_NO_FATAL_FAILURE(read_lines_to(lines));
        // Or systemd, which counts, starts it no more.
        ASSERT_TRUE(run({"systemctl", "reset-failed", kJournald}).ok());
        const Finished restarted = run({"systemctl", "restart", kJournald});
        ASSERT_TRUE(restarted.ok()) << restarted;
    }
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    expect_whole();
}

TEST_F(ConsoleFlood, JournaldIsKilled) {
    constexpr int kLines = 100'000, kStep = 10'000;
    int kills = 0;
    print(kLines);
    client.reset();
    for (int lines = kStep; lines < kLines; lines += kStep, ++kills) {
        ASSERT_NO_FATAL_FAILURE(read_lines_to(lines));
        ASSERT_TRUE(run({"systemctl", "reset-failed", kJournald}).ok());
        ASSERT_TRUE(run({"systemctl", "kill", "--signal=KILL", kJournald}).ok());
    }
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    // journald takes an entry off its socket and then writes it; the socket itself is systemd's,
    // and keeps what is in it.
    EXPECT_LE(missing_, kills);
    expect_no_more();
}

TEST_F(ConsoleFlood, JournaldStandsStill) {
    constexpr int kLines = 100'000, kWritten = 1'000, kQueued = 2'000;
    print(kLines);
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kWritten));
    const pid_t journald = std::atoi(unit_property(kJournald, "MainPID").c_str());
    ASSERT_EQ(kill(journald, SIGSTOP), 0);
    // As many lines as are kept for it at the least; then the guest waits, and QEMU does not.
    EXPECT_TRUE(client->read_until(fmt::format("{:07}", kWritten + kQueued)));
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    EXPECT_TRUE(monitor && monitor->send("info status\n") &&
                monitor->read_until("VM status: running"));
    ASSERT_EQ(kill(journald, SIGCONT), 0);
    client.reset();
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    expect_whole();
}

// Longer than it takes for a line without an end to be logged.
void let_silence_pass(const VmUnderTest &vm) {
    Journal journal(vm.unit());
    journal.read_rest();
    EXPECT_FALSE(journal.read_until([](const JournalEntry &) { return false; }, Deadline(2s)));
}

TEST_F(ConsoleFlood, TheGuestIsPaused) {
    constexpr int kLines = 60'000;
    print(kLines);
    client.reset();
    for (int lines = 10'000; lines < kLines; lines += 20'000) {
        ASSERT_NO_FATAL_FAILURE(read_lines_to(lines));
        call_vm(vm.name(), "Pause");
        let_silence_pass(vm);
        call_vm(vm.name(), "Resume");
    }
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    expect_whole();
}

TEST_F(ConsoleFlood, TheVmIsFrozen) {
    constexpr int kLines = 60'000;
    print(kLines);
    client.reset();
    for (int lines = 10'000; lines < kLines; lines += 20'000) {
        ASSERT_NO_FATAL_FAILURE(read_lines_to(lines));
        ASSERT_TRUE(vm.systemctl("freeze").ok());
        let_silence_pass(vm);
        ASSERT_TRUE(vm.systemctl("thaw").ok());
    }
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    expect_whole();
}

// More than its socket holds, and less than what is kept for it.
TEST_F(ConsoleFlood, AClientThatIsLateGetsTheLastWords) {
    constexpr int kLines = 28'000;
    print(kLines);
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    call_vm(vm.name(), "Quit");
    const auto all = client->read_to_end();
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_TRUE(all->ends_with(fmt::format("{:07}\r\n{}", kLines, kPrompt)))
        << all->size() << ": " << all->substr(all->size() - std::min<std::size_t>(all->size(), 30));
    EXPECT_EQ(all->find("skipped"), all->npos);
}

TEST_F(ConsoleFlood, AClientThatWasAwaySeesThePromptAtOnce) {
    constexpr int kLines = 150'000;
    print(kLines);
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    EXPECT_TRUE(client->read_until("bytes skipped, read faster]\r\n"));
    const auto screen = client->read_until(kPrompt);
    ASSERT_TRUE(screen) << screen.error().message;
    EXPECT_TRUE(screen->ends_with(fmt::format("{:07}\r\n{}", kLines, kPrompt))) << *screen;
}

// One that never reads does not keep the VM from ending.
TEST_F(ConsoleFlood, AClientThatNeverReadsKeepsNobodyWaiting) {
    constexpr int kLines = 100'000;
    print(kLines);
    ASSERT_NO_FATAL_FAILURE(read_lines_to(kLines));
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
}

}  // namespace
}  // namespace qemunit::e2e
