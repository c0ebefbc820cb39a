// SPDX-License-Identifier: MIT
//
// `qemunitctl top`: once, and at a terminal, which is given back however it ends.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>

#include "tests/e2e/bus.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

constexpr char kOtherScreen[] = "\x1b[?1049h", kOwnScreen[] = "\x1b[?1049l";

std::vector<std::string> at_terminal(const std::string &options = "") {
    return {"sh", "-c",
            "export TERM=xterm; stty rows 24 columns 120; exec qemunitctl top " + options};
}

TEST(Top, Once) {
    VmUnderTest vm("tonce", boot_sector_ini()), off("toff", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished table = ctl("top --once --sort=name");
    EXPECT_TRUE(table.ok()) << table;
    expect_contains(table.output, "VM     STATE    CPU%");
    expect_contains(table.output, "\ntoff   off      -");
    expect_contains(table.output, "\ntonce  running  ");
    // By everybody.
    const Finished json = run_words(
        "setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl top --json "
        "--filter=once");
    const auto vms = nlohmann::json::parse(json.output, nullptr, false);
    ASSERT_TRUE(vms.is_array() && vms.size() == 1) << json;
    EXPECT_EQ(vms[0]["name"], "tonce");
    EXPECT_EQ(vms[0]["hangs"], false);
    for (const char *known : {"uptime_usec", "cpu_percent", "guest_cpu_percent", "steal_percent",
                              "memory_bytes", "guest_memory_bytes", "read_bytes_per_second"})
        EXPECT_TRUE(vms[0][known].is_number()) << known << json;
    EXPECT_TRUE(vms[0]["sent_bytes_per_second"].is_null()) << json;
    for (const auto &[words, text] : std::map<std::string, std::string>{
             {"top", "this is no terminal to draw on; use: qemunitctl top --once"},
             {"top --sort=size", "'size' is nothing to sort by"},
             {"top --interval=0", "'0' is not a number of seconds from 1 to 3600"}}) {
        const Finished refused = ctl(words);
        EXPECT_TRUE(!refused.ok() && refused.says(text)) << refused;
    }
}

TEST(Top, VmsOfAUser) {
    UserSession user("topper");
    user.write(user.home() + "/.config/qemunit/mine.ini", boot_sector_ini());
    ASSERT_TRUE(user.run_words("systemctl --user daemon-reload").ok());
    const Finished started = user.systemctl("start", "qemu@mine.service");
    ASSERT_TRUE(started.ok()) << started;
    const Finished table = user.run_words("qemunitctl --user top --once");
    EXPECT_TRUE(table.ok()) << table;
    expect_contains(table.output, "\nmine  running  ");
    EXPECT_TRUE(user.systemctl("stop", "qemu@mine.service").ok());
}

TEST(Top, AtATerminal) {
    VmUnderTest vm("tterm", boot_sector_ini()), other("tother", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Terminal terminal(at_terminal());
    ASSERT_SEEN(terminal, kOtherScreen);
    ASSERT_SEEN(terminal, "tterm ");
    EXPECT_TRUE(terminal.wait_until_cooked(false));
    // A filter, and what is left is the one that is selected.
    terminal.type("/TTER");
    ASSERT_SEEN(terminal, "Filter: TTER_");
    terminal.type("\r");
    ASSERT_SEEN(terminal, "filter 'TTER'; by cpu");
    terminal.type("m");
    ASSERT_SEEN(terminal, "by memory:");
    // The console has the terminal, and gives it back.
    terminal.type("\r");
    ASSERT_SEEN(terminal, kOwnScreen);
    ASSERT_SEEN(terminal, kGuestReady);
    terminal.type("\x1d\x1d\x1d");
    ASSERT_SEEN(terminal, kOtherScreen);
    ASSERT_SEEN(terminal, "tterm ");
    // The terminal changes its size.
    EXPECT_TRUE(run({"stty", "-F", "/proc/" + std::to_string(terminal.pid()) + "/fd/0", "rows",
                     "10", "columns", "24"})
                    .ok());
    ASSERT_SEEN(terminal, "VM                  CPU%\x1b");
    // Nothing but "y" stops a VM.
    terminal.type("s");
    ASSERT_SEEN(terminal, "Stop VM 'tterm'? y/n");
    terminal.type("n");
    ASSERT_SEEN(terminal, "filter 'TTER'");
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    terminal.type("s");
    ASSERT_SEEN(terminal, "Stop VM 'tterm'? y/n");
    terminal.type("y");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    ASSERT_SEEN(terminal, kOtherScreen);
    terminal.type("q");
    ASSERT_SEEN(terminal, kOwnScreen);
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    EXPECT_TRUE(terminal.is_cooked());
}

TEST(Top, StopsTheVmThatItHasNamed) {
    VmUnderTest vm("tnamed", boot_sector_ini()), other("tnot", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    Terminal terminal(at_terminal("--sort=name --filter=running --interval=1"));
    ASSERT_SEEN(terminal, "\x1b[7mtnamed ");
    EXPECT_TRUE(terminal.wait_until_cooked(false));
    terminal.type("s");
    ASSERT_SEEN(terminal, "Stop VM 'tnamed'? y/n");
    // Meanwhile it is no longer among those that are shown, and the other is selected.
    const BusReply paused = call_vm("tnamed", "Pause");
    ASSERT_EQ(paused.error, "") << paused;
    ASSERT_SEEN(terminal, "\x1b[7mtnot ");
    terminal.type("y");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    EXPECT_EQ(unit_property(other.unit(), "ActiveState"), "active");
    ASSERT_SEEN(terminal, kOtherScreen);
    terminal.type("q");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
}

// A process that stands still as long as this object lives.
class StandsStill {
  public:
    explicit StandsStill(pid_t pid) : pid_(pid) { EXPECT_EQ(kill(pid_, SIGSTOP), 0); }
    ~StandsStill() { EXPECT_EQ(kill(pid_, SIGCONT), 0); }
    StandsStill(const StandsStill &) = delete;
    StandsStill &operator=(const StandsStill &) = delete;

  private:
    pid_t pid_;
};

TEST(Top, GoesOnAfterNobodyHasAnswered) {
    const pid_t bus = std::stoi(unit_property("dbus.service", "MainPID"));
    ASSERT_GT(bus, 1);
    Terminal terminal(at_terminal("--interval=1"));
    ASSERT_SEEN(terminal, "\r\nby cpu: ");
    {
        const StandsStill still(bus);
        ASSERT_SEEN(terminal, "\r\nneither qemunitd nor systemd answers on D-Bus");
    }
    ASSERT_SEEN(terminal, "\r\nby cpu: ");
    terminal.type("q");
    ASSERT_SEEN(terminal, kOwnScreen);
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
}

TEST(Top, GivesTheTerminalBackHoweverItEnds) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
        Terminal terminal(at_terminal());
        ASSERT_SEEN(terminal, " VMs, ");
        EXPECT_EQ(kill(terminal.pid(), number), 0);
        ASSERT_SEEN(terminal, kOwnScreen);
        EXPECT_EQ(terminal.wait(), 0) << number << terminal.rest();
        EXPECT_TRUE(terminal.is_cooked()) << number;
    }
    Terminal typed(at_terminal());
    ASSERT_SEEN(typed, " VMs, ");
    EXPECT_TRUE(typed.wait_until_cooked(false));
    typed.type("\x03");
    ASSERT_SEEN(typed, kOwnScreen);
    EXPECT_EQ(typed.wait(), 0) << typed.rest();
    EXPECT_TRUE(typed.is_cooked());
}

TEST(Top, StandsStillWhileTheShellHasTheTerminal) {
    Terminal terminal({"bash", "--norc", "-i"});
    terminal.type("TERM=xterm qemunitctl top\r");
    ASSERT_SEEN(terminal, " VMs, ");
    EXPECT_TRUE(terminal.wait_until_cooked(false));
    terminal.type("\x1a");
    ASSERT_SEEN(terminal, kOwnScreen);
    ASSERT_SEEN(terminal, "Stopped");
    terminal.type("fg\r");
    ASSERT_SEEN(terminal, kOtherScreen);
    ASSERT_SEEN(terminal, " VMs, ");
    terminal.type("q");
    ASSERT_SEEN(terminal, kOwnScreen);
    terminal.type("exit 7\r");
    EXPECT_EQ(terminal.wait(), 7) << terminal.rest();
}

}  // namespace
}  // namespace qemunit::e2e
