// SPDX-License-Identifier: MIT
//
// qemunitctl as a person uses it, in a terminal and in scripts.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr char kReady[] = "qemunit guest ready";
constexpr char kPrompt[] = "guest# ";
constexpr char kLeave[] = "\x1d\x1d\x1d";
constexpr char kInterrupt[] = "\x03";

Finished ctl(const std::string &words) {
    return run_words("qemunitctl " + words);
}

// qemunitd reads the configuration anew some time after a reload. A VM that has run, it knows.
void make_known(const VmUnderTest &vm) {
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok()) << vm.status();
}

#define ASSERT_SEEN(terminal, text)                    \
    do {                                               \
        const auto seen = (terminal).read_until(text); \
        ASSERT_TRUE(seen) << seen.error().message;     \
    } while (false)

TEST(Ctl, ListsAndShowsVms) {
    const std::string network = "[Network lan]\nHostForward=tcp:127.0.0.1:20022-:22\n";
    VmUnderTest on("cton", boot_sector_ini() + network);
    VmUnderTest off("ctoff", boot_sector_ini());
    make_known(off);
    ASSERT_TRUE(on.start().ok()) << on.status();

    const Finished list = ctl("list");
    EXPECT_TRUE(list.ok() && list.says("cton   running  ") && list.says("ctoff  off      -"))
        << list;
    EXPECT_TRUE(list.says("tcp:127.0.0.1:20022-10.0.2.15:22")) << list;
    const Finished names = ctl("list --names");
    EXPECT_TRUE(names.says("ctoff\n") && names.says("cton\n")) << names;
    const Finished json = ctl("list --json");
    EXPECT_TRUE(json.ok() && json.says("\"name\": \"cton\"") && json.says("\"state\": \"off\""))
        << json;

    const Finished status = ctl("status cton ctoff");
    EXPECT_TRUE(status.ok() && status.says("State:  running") && status.says("State:  off") &&
                status.says("/run/qemunit/cton/serial.sock") && status.says("(lan)") &&
                !status.says("control.sock"))
        << status;
    const Finished forwards = ctl("forward list cton");
    EXPECT_TRUE(forwards.says("lan      tcp:127.0.0.1:20022-10.0.2.15:22")) << forwards;

    const Finished as_nobody =
        run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl list");
    EXPECT_TRUE(as_nobody.ok() && as_nobody.says("cton   running  ")) << as_nobody;
    EXPECT_FALSE(as_nobody.says("20022")) << as_nobody;
}

TEST(Ctl, ErrorsSayWhatToDo) {
    VmUnderTest vm("cterr", boot_sector_ini());
    make_known(vm);
    const Finished off = ctl("console cterr");
    EXPECT_EQ(off.status, 1);
    EXPECT_EQ(trimmed(off.output),
              "qemunitctl: cterr: is off; start it with: systemctl start qemu@cterr");
    const Finished monitor = ctl("cmd cterr info status");
    EXPECT_TRUE(monitor.status == 1 && monitor.says("systemctl start qemu@cterr")) << monitor;
    const Finished unknown = ctl("status cter");
    EXPECT_TRUE(unknown.status == 1 && unknown.says("Did you mean 'cterr'?")) << unknown;
    const Finished verb = ctl("start cterr");
    EXPECT_TRUE(verb.status == 2 && verb.says("systemctl start qemu@cterr")) << verb;

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished port = ctl("console cterr nosuch");
    EXPECT_TRUE(port.status == 1 && port.says("has no serial port 'nosuch'")) << port;
    const std::string as_nobody =
        "setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl ";
    const Finished console = run_words(as_nobody + "console cterr");
    EXPECT_TRUE(console.status == 1 && console.says("permission denied") &&
                console.says("SocketGroup="))
        << console;
    const Finished command = run_words(as_nobody + "cmd cterr quit");
    EXPECT_TRUE(command.status == 1 && command.says("cterr: access denied")) << command;
}

TEST(Ctl, AConsoleGivesTheGuestEveryKey) {
    VmUnderTest vm("ctkeys", silent_linux_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal console({"qemunitctl", "console", "ctkeys"});
    ASSERT_SEEN(console, "Connected to serial of ctkeys. Press Ctrl-] three times");
    ASSERT_SEEN(console, "stty rows 30 cols 100");
    ASSERT_SEEN(console, kPrompt);
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
    console.type(kInterrupt);
    ASSERT_SEEN(console, kPrompt);
    console.type(kLeave);
    EXPECT_EQ(console.wait(), 0);
    EXPECT_NE(console.rest().find("Disconnected from serial of ctkeys."), std::string::npos);
    EXPECT_TRUE(console.is_cooked());
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(Ctl, TwoConsolesShareOnePort) {
    VmUnderTest vm("cttwo", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal first({"qemunitctl", "console", "cttwo"});
    ASSERT_SEEN(first, kReady);
    Terminal second({"qemunitctl", "console", "cttwo"});
    ASSERT_SEEN(second, "Also on it, and typing into the same: qemunitctl (PID " +
                            std::to_string(first.pid()) + ")");
    ASSERT_SEEN(second, kReady);  // the last screenful, once
    second.type("both\r");
    ASSERT_SEEN(first, "both");
    ASSERT_SEEN(second, "both");
    second.type(kLeave);
    EXPECT_EQ(second.wait(), 0);
    first.type("alone\r");
    ASSERT_SEEN(first, "alone");
}

TEST(Ctl, AConsoleEndsWithItsVmOrWaitsForItsReturn) {
    VmUnderTest vm("ctend", boot_sector_ini());
    make_known(vm);
    Terminal waiting({"qemunitctl", "console", "--wait", "ctend"});
    ASSERT_SEEN(waiting, "ctend does not run; waiting until it runs. Ctrl-C leaves.");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_SEEN(waiting, kReady);
    Terminal ending({"qemunitctl", "console", "ctend"});
    ASSERT_SEEN(ending, kReady);

    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(ending.wait(), 0);
    EXPECT_NE(ending.rest().find("ctend has ended."), std::string::npos) << ending.rest();
    EXPECT_TRUE(ending.is_cooked());
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_SEEN(waiting, kReady);
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    ASSERT_SEEN(waiting, kReady);
    waiting.type("hello\r");
    ASSERT_SEEN(waiting, "hello");

    ASSERT_TRUE(vm.stop().ok());
    ASSERT_SEEN(waiting, "ctend has ended; waiting until it runs again.");
    waiting.type(kInterrupt);
    EXPECT_EQ(waiting.wait(), 0);
    EXPECT_TRUE(waiting.is_cooked());
}

TEST(Ctl, AConsoleThatWaitsBootsNoVm) {
    VmUnderTest vm("ctsock", boot_sector_ini());
    make_known(vm);
    ASSERT_TRUE(vm.enable_sockets().ok());
    // The first connection does: the socket is there.
    Terminal console({"qemunitctl", "console", "--wait", "ctsock"});
    ASSERT_SEEN(console, kReady);
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_SEEN(console, "ctsock has ended; waiting until it runs again.");
    // What it would have connected to by now, it has not: another client does.
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_SEEN(console, kReady);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(Ctl, ASignalGivesTheTerminalBack) {
    VmUnderTest vm("ctterm", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (const int number : {SIGTERM, SIGHUP}) {
        Terminal console({"qemunitctl", "console", "ctterm"});
        ASSERT_SEEN(console, kReady);
        EXPECT_FALSE(console.is_cooked());
        ASSERT_EQ(kill(console.pid(), number), 0);
        EXPECT_EQ(console.wait(), 1);
        EXPECT_TRUE(console.is_cooked());
    }
}

TEST(Ctl, AConsoleInAScriptIsAPipe) {
    VmUnderTest vm("ctpipe", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until(kReady));
    // The end of its input is none of its output.
    const Finished line =
        run({"sh", "-c", "echo from-a-pipe | qemunitctl console ctpipe | sed /from-a-pipe/q"});
    EXPECT_TRUE(line.ok() && line.says("from-a-pipe") && !line.says("Connected")) << line;
    const Finished file = run({"sh", "-c",
                               "echo from-a-file >/tmp/ctpipe; qemunitctl console ctpipe "
                               "</tmp/ctpipe | sed /from-a-file/q"});
    EXPECT_TRUE(file.ok() && file.says("from-a-file")) << file;
}

TEST(Ctl, ReadOnlyFollowsTheJournal) {
    VmUnderTest vm("ctread", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal reader({"qemunitctl", "console", "--read-only", "ctread"});
    ASSERT_SEEN(reader, kReady);
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->read_until(kReady));
    ASSERT_TRUE(client->send("by another\r"));
    ASSERT_SEEN(reader, "by another");
    Terminal console({"qemunitctl", "console", "ctread"});
    const auto greeting = console.read_until(kReady);
    ASSERT_TRUE(greeting) << greeting.error().message;
    EXPECT_EQ(greeting->find("qemunitctl (PID"), std::string::npos) << *greeting;
}

TEST(Ctl, TheMonitorCompletesAndRemembers) {
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
TEST(Ctl, AMonitorMindsWhatIsTypedAhead) {
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

TEST(Ctl, MonitorsInScripts) {
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
TEST(Ctl, AMonitorGoesOnAfterWhatFails) {
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
TEST(Ctl, AMonitorOfAnotherMachine) {
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
TEST(Ctl, AMonitorWaitsForQemuAndNotForEver) {
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

TEST(Ctl, SnapshotsForwardsScreenAndKeys) {
    VmUnderTest vm(
        "ctacts",
        boot_sector_ini() +
            "[VM]\nDisplay=vnc\n[Drive data]\nFile=data.qcow2\nSize=10M\n[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto succeeds = [](const std::string &words) {
        const Finished done = ctl(words);
        EXPECT_TRUE(done.ok() && done.output.empty()) << done;
    };
    succeeds("snapshot save ctacts clean");
    const Finished snapshots = ctl("snapshot list ctacts");
    EXPECT_TRUE(snapshots.ok() && snapshots.says("\nclean  ")) << snapshots;
    succeeds("snapshot load ctacts clean");
    succeeds("snapshot delete ctacts clean");
    const Finished none = ctl("snapshot load ctacts clean");
    EXPECT_TRUE(none.status == 1 && none.says("qemunitctl: ctacts: ")) << none;

    succeeds("forward add ctacts tcp:127.0.0.1:20081-:80");
    const Finished forwards = ctl("forward list ctacts");
    EXPECT_TRUE(forwards.says("lan      tcp:127.0.0.1:20081-10.0.2.15:80")) << forwards;
    // As it was added, and as it is listed.
    succeeds("forward remove ctacts tcp:127.0.0.1:20081-10.0.2.15:80");
    EXPECT_FALSE(ctl("forward list ctacts").says("20081"));

    succeeds("screenshot ctacts /tmp/ctacts.png");
    EXPECT_TRUE(read_file("/tmp/ctacts.png").starts_with("\x89PNG"));
    succeeds("sendkey ctacts ctrl-alt-f1 ret");
    succeeds("type ctacts hello World");
}

TEST(Ctl, ChecksIniFiles) {
    VmUnderTest good("ctgood", boot_sector_ini());
    VmUnderTest bad("ctbad", "[VM]\nCPUs=many\n");
    const Finished one = ctl("check ctgood");
    EXPECT_TRUE(one.ok() && !one.says("ctgood.ini")) << one;
    const Finished all = ctl("check");
    EXPECT_TRUE(all.status == 1 && all.says("/etc/qemunit/ctbad.ini:2: CPUs=many")) << all;
    EXPECT_EQ(ctl("check " + bad.ini_path()).status, 1);
    const Finished unknown = ctl("check ctgod");
    EXPECT_TRUE(unknown.status == 1 && unknown.says("Did you mean 'ctgood'?")) << unknown;
}

TEST(Ctl, WhatCatPrintsRunsInAShell) {
    VmUnderTest vm("ctcat", boot_sector_ini() + "[VM]\nDescription=it's \"two\" $words\n");
    make_known(vm);
    Terminal shell({"sh", "-c", "eval \"$(qemunitctl cat ctcat)\""});
    ASSERT_SEEN(shell, kReady);
    shell.type("\x01x");  // QEMU's own way out of a terminal
    EXPECT_EQ(shell.wait(), 0);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
}

TEST(Ctl, BashCompletesVerbsOptionsAndNames) {
    VmUnderTest vm("ctcomp", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto completed = [](const std::string &words) {
        return trimmed(run({"bash", "-c",
                            ". /usr/share/bash-completion/completions/qemunitctl; "
                            "COMP_WORDS=(qemunitctl " +
                                words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _qemunitctl; "
                                "echo \"${COMPREPLY[*]}\""})
                           .output);
    };
    EXPECT_EQ(completed("con"), "console");
    EXPECT_EQ(completed("snapshot l"), "list load");
    EXPECT_EQ(completed("console ctc"), "ctcomp");
    EXPECT_EQ(completed("console ctcomp ''"), "serial");
    EXPECT_EQ(completed("snapshot save ctc"), "ctcomp");
    EXPECT_EQ(completed("list --na"), "--names");
}

// systemd's own completion knows no VM that is off. Each shell has read what is installed for it.
void expect_completion(Terminal &shell) {
    constexpr const char *kNextLine = "\x15\r";
    shell.type("systemctl start qemu@ctasl\t");
    ASSERT_SEEN(shell, "qemu@ctasleep.service");
    shell.type(kNextLine);
    shell.type("systemctl enable qemu-serial@ctasl\t");
    ASSERT_SEEN(shell, "qemu-serial@ctasleep.socket");
    shell.type(kNextLine);
    // One that runs, systemd's own completion knows.
    shell.type("systemctl stop qemu@ctaw\t");
    ASSERT_SEEN(shell, "qemu@ctawake.service");
}

class CompletionOfSystemctl : public testing::Test {
  protected:
    void SetUp() override {
        make_known(asleep);
        ASSERT_TRUE(awake.start().ok()) << awake.status();
    }

    VmUnderTest asleep{"ctasleep", boot_sector_ini()}, awake{"ctawake", boot_sector_ini()};
};

// Without systemd's part: what is added to it.
TEST_F(CompletionOfSystemctl, OffersWhatIsOfUse) {
    const auto offered = [](const std::string &words) {
        return trimmed(run({"bash", "-c",
                            ". /etc/bash_completion.d/qemunit; COMP_WORDS=(systemctl " + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _qemunit_systemctl; "
                                "echo \"${COMPREPLY[*]}\""})
                           .output);
    };
    EXPECT_EQ(offered("start qemu@cta"), "qemu@ctasleep.service");
    EXPECT_EQ(offered("status qemu@cta"), "qemu@ctasleep.service qemu@ctawake.service");
    EXPECT_EQ(offered("enable --now qemu-serial@ctas"), "qemu-serial@ctasleep.socket");
    for (const char *words : {"stop qemu@cta", "-M other start qemu@cta", "--user start qemu@cta",
                              "start qemu-tpm@cta", "qemu@cta"})
        EXPECT_EQ(offered(words), "") << words;
}

TEST_F(CompletionOfSystemctl, InBash) {
    Terminal shell({"bash", "--norc", "-i"});
    shell.type(". /usr/share/bash-completion/bash_completion; echo loa''ded\r");
    ASSERT_SEEN(shell, "loaded");
    expect_completion(shell);
}

TEST_F(CompletionOfSystemctl, InZsh) {
    Terminal shell({"zsh", "-f", "-i"});
    shell.type("autoload -Uz compinit; compinit -u -D; echo loa''ded\r");
    ASSERT_SEEN(shell, "loaded");
    expect_completion(shell);
}

}  // namespace
}  // namespace qemunit::e2e
