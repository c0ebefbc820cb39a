// SPDX-License-Identifier: MIT
//
// The relay of the serial port: no line is lost, none comes twice, no client delays the
// guest, and the last line of a VM's life is there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr int kBurst = 20'000;

// "line 00001…" to "line 20000…" once each and in order, between the guest's own marks.
void expect_whole_burst(const std::vector<std::string> &lines) {
    std::vector<std::string> expected{"burst ready"};
    for (int i = 1; i <= kBurst; ++i)
        expected.push_back(fmt::format("line {:05} the quick brown fox jumps ok", i));
    expected.push_back("burst done");
    ASSERT_EQ(lines.size(), expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i)
        ASSERT_EQ(lines[i], expected[i]) << "entry " << i;
}

// Stops the VM; all lines of its life, also such as came after `seen`.
std::vector<std::string> all_lines(const VmUnderTest &vm, Journal &journal,
                                   const std::vector<JournalEntry> &seen) {
    EXPECT_TRUE(vm.stop().ok());
    std::vector<std::string> lines = lines_of(seen);
    for (const std::string &line : lines_of(journal.read_rest()))
        lines.push_back(line);
    return lines;
}

TEST(Serial, ABurstIsWholeAndInOrder) {
    VmUnderTest vm("burst-alone", boot_sector_ini("burst.img"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        auto client = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        ASSERT_TRUE(client->read_until("burst ready"));
        ASSERT_TRUE(client->send("x"));
        ASSERT_TRUE(client->read_until("line 00001"));
    }  // nobody is there for the rest
    auto entries = journal.read_until_line("burst done");
    ASSERT_TRUE(entries) << entries.error().message;
    expect_whole_burst(all_lines(vm, journal, *entries));
}

TEST(Serial, ABurstIsWholeWithASlowClientAndOneThatNeverReads) {
    VmUnderTest vm("burst-crowd", boot_sector_ini("burst.img"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto slow = UnixClient::connect(vm.socket("serial"));
    auto stuck = UnixClient::connect(vm.socket("serial"));
    auto quick = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(slow && stuck && quick);
    ASSERT_TRUE(quick->read_until("burst ready\r\n"));
    ASSERT_TRUE(slow->read_until("burst ready\r\n"));
    ASSERT_TRUE(quick->send("x"));
    std::size_t read_quickly = 0;
    auto entries = journal.read_until(
        [](const JournalEntry &entry) { return entry.message == "burst done"; }, Deadline(),
        [&] {
            slow->read_some(100);
            for (std::string some; !(some = quick->read_some(65536)).empty();)
                read_quickly += some.size();
        });
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_GT(read_quickly, 0u);
    expect_whole_burst(all_lines(vm, journal, *entries));
}

TEST(Serial, AClientThatTypesWithoutEndDelaysNobody) {
    VmUnderTest vm("burst-typist", boot_sector_ini("burst.img"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto typist = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(typist) << typist.error().message;
    ASSERT_TRUE(typist->read_until("burst ready"));
    // The guest takes one key, and no more while it prints. The typist never reads.
    const auto type = [&] {
        while (typist->send(std::string(1000, 'x'))) {
        }
    };
    type();
    auto entries = journal.read_until(
        [](const JournalEntry &entry) { return entry.message == "burst done"; }, Deadline(), type);
    ASSERT_TRUE(entries) << entries.error().message;
    expect_whole_burst(all_lines(vm, journal, *entries));
}

TEST(Serial, OddBytesAndLongLinesStayReadable) {
    constexpr std::size_t kLong = 200'000;
    VmUnderTest vm("odd-bytes", silent_linux_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("guest# "));
    ASSERT_TRUE(client->send("printf 'bad \\377\\376 bytes, \\0 and \\a \\t tab\\n'\r"));
    ASSERT_TRUE(client->read_until("guest# "));
    ASSERT_TRUE(client->send(
        fmt::format("head -c {} /dev/zero | tr '\\0' x; echo; echo that\\'s all\r", kLong)));
    auto entries =
        journal.read_until([](const JournalEntry &entry) { return entry.message == "that's all"; });
    ASSERT_TRUE(entries) << entries.error().message;
    std::size_t count = 0;
    bool has_bad_bytes = false;
    for (const std::string &line : lines_of(*entries)) {
        if (line.find_first_not_of('x') == std::string::npos)
            count += line.size();
        has_bad_bytes = has_bad_bytes || (line.starts_with("bad ") && line.ends_with("tab"));
    }
    EXPECT_EQ(count, kLong);
    EXPECT_TRUE(has_bad_bytes);
    EXPECT_EQ(journalctl(vm.unit()).find("blob data"), std::string::npos);
}

TEST(Serial, TheLastLineIsThereFiveOfFive) {
    const auto vms =
        VmUnderTest::several("last", std::vector<std::string>(5, boot_sector_ini("lastline.img")));
    std::vector<std::unique_ptr<Journal>> journals;
    for (const auto &vm : vms)
        journals.push_back(std::make_unique<Journal>(vm->unit()));
    const Finished started = start_all(vms);
    EXPECT_TRUE(started.ok()) << started;
    for (std::size_t i = 0; i < vms.size(); ++i) {
        auto off = wait_for_state(vms[i]->unit(), "inactive");
        EXPECT_TRUE(off) << off.error().message;
        EXPECT_EQ(unit_property(vms[i]->unit(), "Result"), "success") << vms[i]->status();
        const auto lines = lines_of(journals[i]->read_rest());
        EXPECT_EQ(lines, std::vector<std::string>{"last words of the guest"}) << vms[i]->name();
    }
}

TEST(Serial, ALastLineWithoutAnEndIsThere) {
    VmUnderTest vm("last-open", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("> "));
    ASSERT_TRUE(client->send("die\r"));
    auto end = client->read_to_end();
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_TRUE(end->ends_with("died in mid-line")) << *end;
    auto entries = journal.read_until_line("died in mid-line");
    EXPECT_TRUE(entries) << entries.error().message;
}

TEST(Serial, DirectHandsQemuTheSocketAndLogsAllTheSame) {
    VmUnderTest vm("direct", boot_sector_ini() + "[Serial serial]\nDirect=yes\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->send("hello\r"));
    auto answer = client->read_until("Hello from the guest\r\n> ");
    EXPECT_TRUE(answer) << answer.error().message;
    auto entries = journal.read_until_line("Hello from the guest");
    EXPECT_TRUE(entries) << entries.error().message;
}

TEST(Serial, WithoutLogOnlyTheClientsSeeIt) {
    VmUnderTest vm("nolog", boot_sector_ini() + "[Serial serial]\nLog=no\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_TRUE(client->read_until("qemunit guest ready\r\n> "));
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(lines_of(journal.read_rest()), std::vector<std::string>());
}

}  // namespace
}  // namespace qemunit::e2e
