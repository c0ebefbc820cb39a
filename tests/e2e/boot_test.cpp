// SPDX-License-Identifier: MIT
//
// A VM boots, and its console is in the journal.
#include <gtest/gtest.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

TEST(Boot, StartReturnsWhenTheMonitorAnswers) {
    VmUnderTest vm("boot-start", boot_sector_ini());
    const Finished start = vm.start();
    ASSERT_TRUE(start.ok()) << start << vm.status();
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    EXPECT_EQ(unit_property(vm.unit(), "Type"), "notify");
    // The very first request is answered: nothing has to be waited for.
    const BusReply reply = monitor_command(vm.name(), "info status");
    EXPECT_NE(reply.value.find("VM status: running"), std::string::npos) << reply;
}

TEST(Boot, LinuxIsInTheJournalFromItsFirstLine) {
    VmUnderTest vm("boot-linux", linux_ini());
    Journal journal(vm.unit());
    const Finished start = vm.start();
    ASSERT_TRUE(start.ok()) << start << vm.status();
    auto entries = journal.read_until_line("qemunit guest ready: Linux");
    ASSERT_TRUE(entries) << entries.error().message;

    const auto lines = lines_of(*entries);
    ASSERT_FALSE(lines.empty());
    EXPECT_NE(lines.front().find("Linux version"), std::string::npos) << lines.front();
    for (const JournalEntry &entry : *entries) {
        if (!entry.port.empty()) {
            EXPECT_EQ(entry.vm, vm.name()) << entry.message;
            EXPECT_EQ(entry.port, "serial") << entry.message;
        }
    }
    const std::string log = journalctl(vm.unit());
    EXPECT_NE(log.find("Linux version"), std::string::npos);
    EXPECT_NE(log.find("Run /init as init process"), std::string::npos);
    EXPECT_EQ(log.find("blob data"), std::string::npos);
}

TEST(Boot, ConsoleLinesAreCleaned) {
    VmUnderTest vm("boot-clean", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until("> "));
    ASSERT_TRUE(client->send("colour\r"));
    // A person at the socket gets every byte.
    auto seen = client->read_until("\033]0;title\a\033[1;31mred\033[0m and 50%\r100%\033[K\r\n");
    EXPECT_TRUE(seen) << seen.error().message;

    auto entries = journal.read_until_line("100%");
    ASSERT_TRUE(entries) << entries.error().message;
    for (const std::string &line : lines_of(*entries))
        EXPECT_EQ(line.find_first_of("\r\033\a\n"), std::string::npos) << line;
    EXPECT_EQ(journalctl(vm.unit()).find("blob data"), std::string::npos);
}

TEST(Boot, APromptAppearsAlthoughItsLineHasNoEnd) {
    VmUnderTest vm("boot-prompt", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    // Nobody types: the guest waits behind "> ", and so would a login prompt.
    auto entries = journal.read_until([](const JournalEntry &entry) {
        return entry.port == "serial" && entry.message[0] == '>';
    });
    ASSERT_TRUE(entries) << entries.error().message;
    EXPECT_EQ(lines_of(*entries).front(), "qemunit guest ready");
}

TEST(Boot, OneBadVmDoesNotHarmAnother) {
    VmUnderTest bad("boot-bad", "[VM]\nMemory=lots\n");
    VmUnderTest good("boot-good", boot_sector_ini());
    const Finished start = good.start();
    EXPECT_TRUE(start.ok()) << start << good.status();
}

TEST(Boot, AnInstallSectionPullsTheVmIn) {
    VmUnderTest vm("boot-install", boot_sector_ini() + "[Install]\nWantedBy=machines.target\n");
    EXPECT_NE(unit_property("machines.target", "Wants").find(vm.unit()), std::string::npos);
    const Finished start = vm.systemctl("enable");
    EXPECT_TRUE(start.ok()) << "the template can be enabled: " << start;
    vm.systemctl("disable");
}

TEST(Boot, PassedThroughSettingsReachTheUnit) {
    VmUnderTest vm("boot-pass", boot_sector_ini() +
                                    "[Unit]\nDescription=Passed on\n"
                                    "[Service]\nNice=7\nEnvironment=ONE=1\n");
    EXPECT_EQ(unit_property(vm.unit(), "Description"), "Passed on");
    EXPECT_EQ(unit_property(vm.unit(), "Nice"), "7");
}

}  // namespace
}  // namespace qemunit::e2e
