// SPDX-License-Identifier: MIT
//
// People and programs at a running VM's sockets, and on the bus at the same time.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

TEST(Sockets, TheFirstConnectWorksRightAfterStart) {
    VmUnderTest vm("sock-first", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = UnixClient::connect(vm.socket("serial"));
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    auto qmp = UnixClient::connect(vm.socket("qmp"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(monitor) << monitor.error().message;
    ASSERT_TRUE(qmp) << qmp.error().message;

    auto prompt = monitor->read_until("(qemu)");
    EXPECT_TRUE(prompt) << prompt.error().message;
    auto greeting = qmp->read_until("\n");
    ASSERT_TRUE(greeting) << greeting.error().message;
    EXPECT_TRUE(greeting->starts_with("{\"QMP\"")) << *greeting;
    auto banner = serial->read_until("qemunit guest ready\r\n> ");
    EXPECT_TRUE(banner) << banner.error().message;
}

TEST(Sockets, SerialTalksToAShellWhileTheLogGoesOn) {
    VmUnderTest vm("sock-shell", silent_linux_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto client = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(client) << client.error().message;
    auto prompt = client->read_until("guest# ");
    ASSERT_TRUE(prompt) << prompt.error().message;
    ASSERT_TRUE(client->send("echo the answer is $((40+2))\r"));
    auto answer = client->read_until("the answer is 42");
    EXPECT_TRUE(answer) << answer.error().message;
    auto logged = journal.read_until_line("the answer is 42");
    EXPECT_TRUE(logged) << logged.error().message;

    ASSERT_TRUE(client->send("poweroff -f\r"));
    EXPECT_TRUE(client->read_to_end());
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

// With input that ends at once, as in a script; each of these ends the VM, so socat ends
// when it is hung up on.
TEST(Sockets, SocatWorksOnEach) {
    VmUnderTest vm("sock-socat", boot_sector_ini());
    auto socat = [&](const char *socket, const std::string &input) {
        EXPECT_TRUE(vm.start().ok()) << vm.status();
        const Finished finished =
            run({"socat", "-t", "60", "STDIO", "UNIX-CONNECT:" + vm.socket(socket)}, input);
        auto off = wait_for_state(vm.unit(), "inactive");
        EXPECT_TRUE(off) << off.error().message;
        return finished;
    };
    const Finished monitor = socat("monitor", "info status\nquit\n");
    EXPECT_TRUE(monitor.says("(qemu)") && monitor.says("VM status: running")) << monitor;
    const Finished qmp =
        socat("qmp", "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n");
    EXPECT_TRUE(qmp.says("{\"QMP\"") && qmp.says("{\"return\": {}}")) << qmp;
    const Finished serial = socat("serial", "hello\roff\r");
    EXPECT_TRUE(serial.says("Hello from the guest")) << serial;
}

TEST(Sockets, SeveralWatchAndTypeAtTheSerialPort) {
    VmUnderTest vm("sock-several", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto one = UnixClient::connect(vm.socket("serial"));
    auto two = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(one) << one.error().message;
    ASSERT_TRUE(two) << two.error().message;
    ASSERT_TRUE(one->read_until("> "));
    ASSERT_TRUE(two->read_until("> "));
    ASSERT_TRUE(one->send("hello\r"));
    EXPECT_TRUE(one->read_until("Hello from the guest\r\n> "));
    EXPECT_TRUE(two->read_until("Hello from the guest\r\n> "));
    ASSERT_TRUE(two->send("two\r"));
    EXPECT_TRUE(one->read_until("unknown: two\r\n"));
    EXPECT_TRUE(two->read_until("unknown: two\r\n"));
}

TEST(Sockets, ANewcomerGetsTheLastScreenful) {
    VmUnderTest vm("sock-screen", boot_sector_ini());
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(journal.read_until_line("qemunit guest ready"));  // before anybody is there
    auto late = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(late) << late.error().message;
    auto screen = late->read_until("qemunit guest ready\r\n> ");
    EXPECT_TRUE(screen) << screen.error().message;
}

TEST(Sockets, TheBusAnswersWithPeopleOnAllOfThem) {
    VmUnderTest vm("busy", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    auto qmp = UnixClient::connect(vm.socket("qmp"));
    auto serial1 = UnixClient::connect(vm.socket("serial"));
    auto serial2 = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(monitor && qmp && serial1 && serial2);
    ASSERT_TRUE(monitor->read_until("(qemu)"));
    ASSERT_TRUE(qmp->read_until("\n"));
    ASSERT_TRUE(serial1->read_until("> "));
    ASSERT_TRUE(serial2->read_until("> "));

    const Finished busctl = run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/busy",
                                 "org.qemunit1.VM", "MonitorCommand", "s", "info status"});
    EXPECT_TRUE(busctl.ok() && busctl.says("VM status: running")) << busctl;
}

TEST(Sockets, OnlyRootMayConnect) {
    VmUnderTest vm("sock-mode", boot_sector_ini() + "[Monitor]\nSocketMode=0666\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto connect_as_nobody = [&](const char *socket) {
        return run({"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "socat", "-u",
                    "OPEN:/dev/null", "UNIX-CONNECT:" + vm.socket(socket)});
    };
    const Finished serial = connect_as_nobody("serial");
    EXPECT_TRUE(!serial.ok() && serial.says("Permission denied")) << serial;
    const Finished control = connect_as_nobody("control");
    EXPECT_TRUE(!control.ok() && control.says("Permission denied")) << control;
    // The ini gave these two away.
    const Finished monitor = connect_as_nobody("monitor");
    EXPECT_TRUE(monitor.ok()) << monitor;
    const Finished qmp = connect_as_nobody("qmp");
    EXPECT_TRUE(qmp.ok()) << qmp;
}

std::string access_of(const std::string &path) {
    return trimmed(run({"stat", "--format=%a %U %G", path}).output);
}

// systemd forks a process for an owner that is not root's, and hangs up on who connects meanwhile.
TEST(Sockets, SocketsAreOfTheGroupOfTheirFolder) {
    VmUnderTest vm("group", boot_sector_ini() + "[Serial more]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(access_of("/run/qemunit"), "2755 root qemunitd");
    EXPECT_EQ(access_of("/run/qemunit/group"), "2755 root qemunitd");
    for (const char *socket : {"monitor", "qmp", "control", "companion", "serial", "more"})
        EXPECT_EQ(access_of(vm.socket(socket)), "660 root qemunitd") << socket;
    for (const char *unit : {"qemu-monitor@group.socket", "qemu-serial@group.socket"}) {
        EXPECT_EQ(unit_property(unit, "SocketUser"), "");
        EXPECT_EQ(unit_property(unit, "ExecStartPost"), "");
    }
    expect_contains(monitor_command(vm.name(), "info status").value, "running");
    const BusFd serial = call_for_fd(vm.name(), "OpenSerial", "more");
    EXPECT_EQ(serial.error, "") << serial;
}

TEST(Sockets, EverySocketHasItsModeAndOwners) {
    VmUnderTest vm("owners", boot_sector_ini() +
                                 "[Monitor]\nSocketMode=0640\nSocketUser=nobody\nSocketGroup=adm\n"
                                 "[Serial serial]\nSocketMode=0604\nSocketGroup=adm\n"
                                 "[Serial more]\nSocketMode=0606\nSocketUser=nobody\n"
                                 "[Channel events]\nSocketMode=0642\nSocketUser=nobody\n"
                                 "SocketGroup=adm\n"
                                 "[Channel plain]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto access = [&](const char *socket) {
        return access_of(vm.socket(socket));
    };
    EXPECT_EQ(access("monitor"), "640 nobody adm");
    EXPECT_EQ(access("qmp"), "640 nobody adm");
    EXPECT_EQ(access("control"), "600 qemunitd root");
    EXPECT_EQ(access("companion"), "600 qemunitd root");
    EXPECT_EQ(access("serial"), "604 qemunitd adm");
    EXPECT_EQ(access("more"), "606 nobody qemunitd");
    EXPECT_EQ(access("events"), "642 nobody adm");
    EXPECT_EQ(access("plain"), "660 root qemunitd");
}

// Somebody else's process that connects to a socket again and again; how often it could.
class Knocking {
  public:
    explicit Knocking(const std::string &path) {
        int ends[2];
        EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
        result_.reset(ends[0]);
        UniqueFd tell(ends[1]);
        pid_ = fork();
        if (pid_ == 0) {
            knock(path, tell.get());
            _exit(0);
        }
    }
    ~Knocking() { stop(); }
    Knocking(const Knocking &) = delete;
    Knocking &operator=(const Knocking &) = delete;

    // How often it got in; -1 if it never found a socket at all.
    int stop() {
        if (pid_ < 0)
            return -1;
        kill(pid_, SIGKILL);
        waitpid(std::exchange(pid_, -1), nullptr, 0);
        int times_in = 0;
        bool has_seen = false;
        for (char what = 0; read(result_.get(), &what, 1) == 1;) {
            has_seen = true;
            times_in += what == 'i';
        }
        return has_seen ? times_in : -1;
    }

  private:
    // 'i': in; '-': shut out, once.
    static void knock(const std::string &path, int tell) {
        if (setgroups(0, nullptr) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
            return;
        for (bool has_said = false;;) {
            const auto client = UnixClient::connect(path);
            if (client && write(tell, "i", 1) != 1)
                return;
            if (!client && client.error().code == EACCES && !std::exchange(has_said, true) &&
                write(tell, "-", 1) != 1)
                return;
        }
    }

    UniqueFd result_;
    pid_t pid_ = -1;
};

// Those that an ini does not open up, while others of the same unit are: also in the moment between
// systemd's bind() and the end of the unit's start.
TEST(Sockets, NoneIsEverMoreOpenThanItShallBe) {
    VmUnderTest vm("knock", boot_sector_ini() +
                                "[VM]\nGuestAgent=yes\nActivation=socket\n"
                                "[Monitor]\nSocketMode=0666\n[Serial serial]\nSocketMode=0666\n"
                                "[Serial own]\nSocketMode=0600\n");
    Knocking agent(vm.socket("agent")), control(vm.socket("control")), own(vm.socket("own"));
    for (int i = 0; i < 40; ++i)
        for (const std::string &unit : vm.socket_units())
            ASSERT_TRUE(run({"systemctl", "restart", unit}).ok()) << unit;
    EXPECT_EQ(agent.stop(), 0);
    EXPECT_EQ(control.stop(), 0);
    EXPECT_EQ(own.stop(), 0);
    EXPECT_EQ(access_of(vm.socket("qmp")), "666 root qemunitd");
    for (const std::string &unit : vm.socket_units())
        run({"systemctl", "stop", unit});
}

TEST(Sockets, AFurtherSerialPortHasASocketOfItsOwn) {
    VmUnderTest vm("sock-second", boot_sector_ini() + "[Serial debug]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto debug = UnixClient::connect(vm.socket("debug"));
    EXPECT_TRUE(debug) << debug.error().message;
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    EXPECT_TRUE(serial->read_until("qemunit guest ready\r\n> "));
}

}  // namespace
}  // namespace qemunit::e2e
