// SPDX-License-Identifier: MIT
//
// `qemunitctl monitor`, `cmd` and `qmp`: QEMU's monitors in a terminal, and in scripts.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

TEST(CtlMonitor, TheMonitorCompletesAndRemembers) {
    VmUnderTest vm("ctmon", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal monitor({"qemunitctl", "monitor", "ctmon"});
    ASSERT_SEEN(monitor, "(ctmon) ");
    monitor.type("inf\tstat\t");
    ASSERT_SEEN(monitor, "stats  status");
    monitor.type("us\r");
    ASSERT_SEEN(monitor, "VM status: running");
    ASSERT_SEEN(monitor, "(ctmon) ");
    monitor.type("\x10\r");  // Ctrl-P: the line before
    ASSERT_SEEN(monitor, "VM status: running");
    monitor.type("bananas\r");
    ASSERT_SEEN(monitor, "unknown command: 'bananas'");
    ASSERT_SEEN(monitor, "(ctmon) ");
    monitor.type("\x04");
    EXPECT_EQ(monitor.wait(), 0);
    EXPECT_TRUE(monitor.is_cooked());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

// While a command runs, the terminal is the shell's, and the kernel makes something else of Ctrl-D.
TEST(CtlMonitor, AMonitorMindsWhatIsTypedAhead) {
    constexpr char kEnd[] = "\x04";
    VmUnderTest vm("ctahead", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal monitor({"qemunitctl", "monitor", "ctahead"});
    ASSERT_SEEN(monitor, "(ctahead) ");
    // Ctrl-Space is the same byte, and no end.
    monitor.type(std::string("\0info version\r", 14));
    ASSERT_SEEN(monitor, "(ctahead) ");
    ASSERT_EQ(kill(vm.main_pid(), SIGSTOP), 0);
    monitor.type("info status\r");
    const bool is_cooked = monitor.wait_until_cooked();
    monitor.type("info name\r");
    monitor.type(kEnd);
    ASSERT_EQ(kill(vm.main_pid(), SIGCONT), 0);
    EXPECT_TRUE(is_cooked);
    ASSERT_SEEN(monitor, "VM status: running");
    ASSERT_SEEN(monitor, "\nctahead\r\n");
    EXPECT_EQ(monitor.wait(), 0);

    // Before there was a prompt at all.
    Terminal early({"qemunitctl", "monitor", "ctahead"});
    early.type(kEnd);
    EXPECT_EQ(early.wait(), 0);
    EXPECT_TRUE(early.is_cooked());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(CtlMonitor, MonitorsInScripts) {
    VmUnderTest vm("ctcmd", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(trimmed(ctl("cmd ctcmd info status").output), "VM status: running");
    const Finished unknown = ctl("cmd ctcmd bananas -v");
    EXPECT_EQ(unknown.status, 1);
    EXPECT_EQ(trimmed(unknown.output), "qemunitctl: ctcmd: unknown command: 'bananas'");
    EXPECT_EQ(trimmed(ctl("qmp ctcmd query-name").output), "{\"name\":\"ctcmd\"}");
    const Finished json = run({"qemunitctl", "qmp", "ctcmd", "human-monitor-command",
                               "{\"command-line\": \"info status\"}"});
    EXPECT_TRUE(json.ok() && json.says("VM status: running")) << json;
    EXPECT_EQ(ctl("qmp ctcmd query-name [1").status, 1);
    const Finished lines = run({"qemunitctl", "monitor", "ctcmd"}, "info status\n\ninfo name\n");
    EXPECT_TRUE(lines.ok()) << lines;
    EXPECT_EQ(lines.output, "VM status: running\nctcmd\n");
    EXPECT_EQ(run({"qemunitctl", "monitor", "ctcmd"}, "bananas\n").status, 1);
}

// What a line cannot be is refused, and the next one is run; so is one after qemunitd has ended.
TEST(CtlMonitor, AMonitorGoesOnAfterWhatFails) {
    VmUnderTest vm("ctgoes", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished odd = run({"qemunitctl", "monitor", "ctgoes"},
                             std::string("\xff\ninfo\0status\ninfo name\r\nquit\n", 30));
    EXPECT_EQ(odd.status, 1) << odd;
    const std::string refused = "a command that is not text in UTF-8, which is not run\n";
    expect_contains(odd.output, refused);
    expect_contains(odd.output, "ctgoes\n");
    const auto ended = wait_for_state(vm.unit(), "inactive");
    ASSERT_TRUE(ended) << ended.error().message;

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal monitor({"qemunitctl", "monitor", "ctgoes"});
    ASSERT_SEEN(monitor, "(ctgoes) ");
    ASSERT_TRUE(run_words("systemctl stop qemunitd").ok());
    monitor.type("info status\r");
    ASSERT_SEEN(monitor, "VM status: running");
    ASSERT_SEEN(monitor, "(ctgoes) ");
    monitor.type("quit\r");
    ASSERT_SEEN(monitor, "(ctgoes) ");
    const auto has_quit = wait_for_state(vm.unit(), "inactive");
    ASSERT_TRUE(has_quit) << has_quit.error().message;
    monitor.type("info status\r");
    ASSERT_SEEN(monitor, "is off; start it with: systemctl start qemu@ctgoes");
    ASSERT_SEEN(monitor, "(ctgoes) ");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    monitor.type("info status\r");
    ASSERT_SEEN(monitor, "VM status: running");
    ASSERT_SEEN(monitor, "(ctgoes) ");
    monitor.type("exit\r");
    EXPECT_EQ(monitor.wait(), 0);
}

// Where no file descriptor comes from; ssh(1) goes no further than to this machine.
TEST(CtlMonitor, AMonitorOfAnotherMachine) {
    VmUnderTest vm("ctfar", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(run_words("mkdir -p /run/ctfar").ok());
    write_file("/run/ctfar/ssh", "#!/bin/sh\nexec systemd-stdio-bridge\n");
    ASSERT_TRUE(run_words("chmod 755 /run/ctfar/ssh").ok());
    const std::vector<std::string> command = {
        "env", "PATH=/run/ctfar:/usr/bin:/bin", "qemunitctl", "--host=far", "monitor", "ctfar"};
    const Finished lines = run(command, "info status\ninfo name\n");
    EXPECT_TRUE(lines.ok()) << lines;
    EXPECT_EQ(lines.output, "VM status: running\nctfar\n");
    const Finished unknown = run(command, "bananas\n");
    EXPECT_EQ(unknown.status, 1);
    EXPECT_EQ(unknown.output, "unknown command: 'bananas'\n");
}

// QEMU that hangs: an error in time, and the monitor is there when it goes on.
TEST(CtlMonitor, AMonitorWaitsForQemuAndNotForEver) {
    VmUnderTest vm("ctslow", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal monitor({"qemunitctl", "monitor", "ctslow"});
    ASSERT_SEEN(monitor, "(ctslow) ");
    ASSERT_EQ(kill(vm.main_pid(), SIGSTOP), 0);
    monitor.type("info status\r");
    const auto slow = monitor.read_until("within 19 s; it may still do as told");
    ASSERT_EQ(kill(vm.main_pid(), SIGCONT), 0);
    ASSERT_TRUE(slow) << slow.error().message;
    expect_contains(*slow, "QEMU did not answer 'info status' within 19 s");
    ASSERT_SEEN(monitor, "(ctslow) ");
    monitor.type("info name\r");
    ASSERT_SEEN(monitor, "ctslow\r\n");
    ASSERT_SEEN(monitor, "(ctslow) ");
    monitor.type("\x04");
    EXPECT_EQ(monitor.wait(), 0);
}

}  // namespace
}  // namespace qemunit::e2e
