// SPDX-License-Identifier: MIT
//
// `qemunitctl console`: a serial port of a VM in a terminal, and in scripts.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/ctl.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"

namespace qemunit::e2e {
namespace {

constexpr char kConsolePrompt[] = "guest# ";
constexpr char kLeaveConsole[] = "\x1d\x1d\x1d";
constexpr char kCtrlC[] = "\x03";

TEST(CtlConsole, AConsoleGivesTheGuestEveryKey) {
    VmUnderTest vm("ctkeys", silent_linux_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal console({"qemunitctl", "console", "ctkeys"});
    ASSERT_SEEN(console, "Connected to serial of ctkeys. Press Ctrl-] three times");
    ASSERT_SEEN(console, "stty rows 30 cols 100");
    ASSERT_SEEN(console, kConsolePrompt);
    EXPECT_FALSE(console.is_cooked());
    // Ctrl-C ends the guest's program, and nothing here.
    // Typed ahead, keys would find the shell's own way of echoing.
    console.type("echo be''gin; cat\r");
    ASSERT_SEEN(console, "begin\r\n");
    console.type("twice\r");
    ASSERT_SEEN(console, "twice\r\ntwice\r\n");
    // One Ctrl-] is the guest's as well, which echoes it so.
    console.type(
        "a\x1d"
        "b\r");
    ASSERT_SEEN(console, "a^]b\r\n");
    ASSERT_SEEN(console,
                "a\x1d"
                "b\r\n");
    // With Ctrl-C the guest's kernel drops what it has not sent yet, its echo of that key too at
    // times.
    console.type(kCtrlC);
    ASSERT_SEEN(console, kConsolePrompt);
    console.type(kLeaveConsole);
    EXPECT_EQ(console.wait(), 0);
    EXPECT_NE(console.rest().find("Disconnected from serial of ctkeys."), std::string::npos);
    EXPECT_TRUE(console.is_cooked());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(CtlConsole, TwoConsolesShareOnePort) {
    VmUnderTest vm("cttwo", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal first({"qemunitctl", "console", "cttwo"});
    ASSERT_SEEN(first, kGuestReady);
    Terminal second({"qemunitctl", "console", "cttwo"});
    ASSERT_SEEN(second, "Also on it, and typing into the same: qemunitctl (PID " +
                            std::to_string(first.pid()) + ")");
    ASSERT_SEEN(second, kGuestReady);  // the last screenful, once
    second.type("both\r");
    ASSERT_SEEN(first, "both");
    ASSERT_SEEN(second, "both");
    second.type(kLeaveConsole);
    EXPECT_EQ(second.wait(), 0);
    first.type("alone\r");
    ASSERT_SEEN(first, "alone");
}

TEST(CtlConsole, AConsoleEndsWithItsVmOrWaitsForItsReturn) {
    VmUnderTest vm("ctend", boot_sector_ini());
    make_known(vm);
    Terminal waiting({"qemunitctl", "console", "--wait", "ctend"});
    ASSERT_SEEN(waiting, "ctend does not run; waiting until it runs. Ctrl-C leaves.");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_SEEN(waiting, kGuestReady);
    Terminal ending({"qemunitctl", "console", "ctend"});
    ASSERT_SEEN(ending, kGuestReady);

    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(ending.wait(), 0);
    EXPECT_NE(ending.rest().find("ctend has ended."), std::string::npos) << ending.rest();
    EXPECT_TRUE(ending.is_cooked());
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_SEEN(waiting, kGuestReady);
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    ASSERT_SEEN(waiting, kGuestReady);
    waiting.type("hello\r");
    ASSERT_SEEN(waiting, "hello");

    ASSERT_TRUE(vm.stop().ok());
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    waiting.type(kCtrlC);
    EXPECT_EQ(waiting.wait(), 0);
    EXPECT_TRUE(waiting.is_cooked());
}

TEST(CtlConsole, AConsoleThatWaitsBootsNoVm) {
    VmUnderTest vm("ctsock", boot_sector_ini());
    make_known(vm);
    ASSERT_TRUE(vm.enable_sockets().ok());
    // The first connection does: the socket is there.
    Terminal console({"qemunitctl", "console", "--wait", "ctsock"});
    ASSERT_SEEN(console, kGuestReady);
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_SEEN(console, "ctsock has ended; waiting until it runs again.");
    // What it would have connected to by now, it has not: another client does.
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_SEEN(console, kGuestReady);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(CtlConsole, ASignalGivesTheTerminalBack) {
    VmUnderTest vm("ctterm", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (const int number : {SIGTERM, SIGHUP}) {
        Terminal console({"qemunitctl", "console", "ctterm"});
        ASSERT_SEEN(console, kGuestReady);
        EXPECT_FALSE(console.is_cooked());
        ASSERT_EQ(kill(console.pid(), number), 0);
        EXPECT_EQ(console.wait(), 1);
        EXPECT_TRUE(console.is_cooked());
    }
}

TEST(CtlConsole, AConsoleInAScriptIsAPipe) {
    VmUnderTest vm("ctpipe", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until(kGuestReady));
    // The end of its input is none of its output.
    const Finished line =
        run({"sh", "-c", "echo from-a-pipe | qemunitctl console ctpipe | sed /from-a-pipe/q"});
    EXPECT_TRUE(line.ok() && line.says("from-a-pipe") && !line.says("Connected")) << line;
    const Finished file = run({"sh", "-c",
                               "echo from-a-file >/tmp/ctpipe; qemunitctl console ctpipe "
                               "</tmp/ctpipe | sed /from-a-file/q"});
    EXPECT_TRUE(file.ok() && file.says("from-a-file")) << file;
}

TEST(CtlConsole, ReadOnlyFollowsTheJournal) {
    VmUnderTest vm("ctread", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal reader({"qemunitctl", "console", "--read-only", "ctread"});
    ASSERT_SEEN(reader, kGuestReady);
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until(kGuestReady));
    ASSERT_TRUE(client->send("by another\r"));
    ASSERT_SEEN(reader, "by another");
    Terminal console({"qemunitctl", "console", "ctread"});
    const auto greeting = console.read_until(kGuestReady);
    ASSERT_TRUE(greeting) << greeting.error().message;
    EXPECT_EQ(greeting->find("qemunitctl (PID"), std::string::npos) << *greeting;
}

}  // namespace
}  // namespace qemunit::e2e
