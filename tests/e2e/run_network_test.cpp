// SPDX-License-Identifier: MIT
//
// `qemunitctl run --network`: what the guest reaches, and who carries its frames.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/runs.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

// Says "reached" at 192.0.2.1 and at 127.0.0.1, port 9101, until the end of the test.
class Server {
  public:
    Server() {
        for (const char *address : {"192.0.2.1", "127.0.0.1"}) {
            const Finished started =
                run({"systemd-run", "--collect", std::string("--unit=runserver-") + address,
                     "--service-type=notify", "--property=NotifyAccess=all", "sh", "-c",
                     std::string("systemd-notify --ready; exec socat TCP-LISTEN:9101,fork,"
                                 "reuseaddr,bind=") +
                         address + " 'SYSTEM:echo reached'"});
            EXPECT_TRUE(started.ok()) << started;
            EXPECT_TRUE(run({"timeout", "20", "sh", "-c",
                             std::string("until socat -u TCP:") + address +
                                 ":9101 /dev/null 2>/dev/null; do :; done"})
                            .ok());
        }
    }
    ~Server() { run_words("systemctl stop runserver-192.0.2.1 runserver-127.0.0.1"); }

  private:
    const Uplink uplink_;
};

constexpr char kFetch[] = "socat -u TCP:192.0.2.1:9101,connect-timeout=30 -";

TEST(RunNetwork, ReachesWhatThisMachineDoesButNotItsLoopback) {
    const Server server;
    const RunFolder folder;
    const auto before = traces_of_runs();
    const Finished done = folder.run(
        std::string("--network -- sh -c 'ls /sys/class/net; cat /etc/resolv.conf; ") + kFetch +
        "; ip -4 route; socat -u TCP:10.0.2.2:9101,connect-timeout=5 - 2>/dev/null && echo open; "
        "exit 3'");
    EXPECT_EQ(done.status, 3) << done;
    EXPECT_EQ(done.output,
              "eth0\nlo\nnameserver 10.0.2.3\nreached\n"
              "default via 10.0.2.2 dev eth0 \n"
              "10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.15 \n");
    expect_no_unit();
    expect_no_traces(before);
}

TEST(RunNetwork, IsNotThereUnlessItIsAskedFor) {
    const Server server;
    const RunFolder folder;
    const Finished done =
        folder.run(std::string("-- sh -c 'ls /sys/class/net; exec ") + kFetch + "'");
    EXPECT_EQ(done.status, 1) << done;
    expect_contains(done.output, "lo\n");
    expect_contains(done.output, "Network is unreachable");
}

TEST(RunNetwork, IsCarriedByAProgramThatSeesNothingElse) {
    kernel_words();
    Terminal terminal(
        {"sh", "-c",
         "exec qemunitctl run " + kernel_words() + " --network -- sh -c 'echo ready; read x'"});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    const std::string units = units_of_runs();
    const std::string network = units.substr(units.find("qemu-runnet-"),
                                             std::string("qemu-runnet-12345678.service").size());
    const pid_t process = std::atoi(unit_property(network, "MainPID").c_str());
    ASSERT_GT(process, 0) << units;
    EXPECT_NE(trimmed(run({"stat", "-c", "%u", "/proc/" + std::to_string(process)}).output), "0");
    // The root folder that all VMs share has empty folders for what those of theirs are mounted on.
    const std::string state = "/var/lib/qemunit/of-another-vm", home = "/home/of-another-vm";
    std::filesystem::create_directories(state);
    std::filesystem::create_directories(home);
    for (const char *path : {"/etc/passwd", "/etc/qemunit", home.c_str(), "/run/qemunit",
                             "/run/dbus", state.c_str(), "/run/systemd/private"})
        EXPECT_NE(open_inside(process, path, O_PATH), 0) << path;
    std::filesystem::remove(state);
    std::filesystem::remove(home);
    EXPECT_EQ(open_inside(process, "/etc/resolv.conf", O_RDONLY), 0);
    // The VM lives on without it.
    ASSERT_EQ(kill(process, SIGKILL), 0);
    EXPECT_TRUE(wait_for_state(network, "inactive"));
    terminal.type("\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    expect_no_unit();
}

TEST(RunNetwork, EndsWithACallerThatIsKilled) {
    kernel_words();
    Terminal terminal(
        {"sh", "-c",
         "exec qemunitctl run " + kernel_words() + " --network -- sh -c 'echo ready; sleep 1000'"});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    EXPECT_NE(units_of_runs().find("qemu-runnet-"), std::string::npos);
    kill(terminal.pid(), SIGKILL);
    expect_no_unit();
}

TEST(RunNetwork, IsForOrdinaryUsers) {
    const Server server;
    const UserSession user("runnet");
    const Finished done = user.run(
        {"sh", "-c",
         "qemunitctl run " + kernel_words() + " --network -- sh -c '" + kFetch + "; exit 3'"},
        "", Deadline(kRunPatience));
    EXPECT_EQ(done.status, 3) << done;
    EXPECT_EQ(done.output, "reached\n");
    EXPECT_EQ(
        user.run_words("systemctl --user list-units --all --plain --no-legend qemu-run*").output,
        "");
}

}  // namespace
}  // namespace qemunit::e2e
