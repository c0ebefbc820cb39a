// SPDX-License-Identifier: MIT
//
// Monitors and consoles of a program's own, as file descriptors on D-Bus: OpenMonitor, OpenQMP,
// OpenSerial, PassFD.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>

#include "common/files/descriptor_message.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kMonitorPrompt = "(qemu) ";

UnixClient open_client(const std::string &vm, const char *method,
                       std::optional<std::string> argument = std::nullopt) {
    BusFd reply = call_for_fd(vm, method, std::move(argument));
    EXPECT_EQ(reply.error, "") << reply;
    return UnixClient::over(std::move(reply.fd));
}

// Up to and with `text`; why not, if it does not come.
std::string read_until(UnixClient &client, std::string_view text) {
    auto read = client.read_until(text);
    return read ? *read : read.error().message;
}

UnixClient open_monitor(const std::string &vm) {
    UnixClient client = open_client(vm, "OpenMonitor");
    EXPECT_TRUE(read_until(client, kMonitorPrompt)
                    .ends_with("type 'help' for more information\r\n(qemu) "));
    return client;
}

UnixClient open_qmp(const std::string &vm) {
    UnixClient client = open_client(vm, "OpenQMP");
    EXPECT_TRUE(read_until(client, "\r\n").starts_with("{\"QMP\":{\"capabilities\":[],"));
    EXPECT_TRUE(client.send("{\"execute\":\"qmp_capabilities\"}"));
    EXPECT_EQ(read_until(client, "\r\n"), "{\"return\":{}}\r\n");
    return client;
}

// On the bus, with a file descriptor.
std::string pass_fd(const std::string &vm, const char *name, int fd) {
    const BusPtr bus = open_system_bus();
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const int r = sd_bus_call_method(bus.get(), "org.qemunit1", vm_path(vm).c_str(),
                                     "org.qemunit1.VM", "PassFD", &error, nullptr, "sh", name, fd);
    const std::string result = r >= 0 ? "" : std::string(error.name) + ": " + error.message;
    sd_bus_error_free(&error);
    return result;
}

Finished execute(const std::string &vm, const std::string &command, const std::string &arguments) {
    return run({"busctl", "call", "org.qemunit1", vm_path(vm), "org.qemunit1.VM", "Execute", "ss",
                command, arguments});
}

// Two ends of one connection.
std::pair<UniqueFd, UniqueFd> socket_pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A chardev "own" of the fd that QEMU has by that name.
std::string chardev_arguments(const std::string &name) {
    return R"({"id":"own","backend":{"type":"socket","data":{"server":false,)"
           R"("addr":{"type":"fd","data":{"str":")" +
           name + R"("}}}}})";
}

TEST(Sessions, ThreePeopleAtOneMonitor) {
    VmUnderTest vm("three", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::vector<UnixClient> people;
    for (int i = 0; i < 3; ++i)
        people.push_back(open_monitor(vm.name()));
    const char *commands[] = {"info name\n", "info status\r\n", "nonsense\n"};
    const char *answers[] = {"three\r\n(qemu) ", "VM status: running\r\n(qemu) ",
                             "unknown command: 'nonsense'\r\n(qemu) "};
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < people.size(); ++i)
            ASSERT_TRUE(people[i].send(commands[i]));
        for (std::size_t i = 0; i < people.size(); ++i)
            EXPECT_EQ(read_until(people[i], kMonitorPrompt), answers[i]);
    }
    // Beside them, those who come by the socket and by a call.
    auto fourth = UnixClient::connect(vm.socket("monitor"));
    ASSERT_TRUE(fourth) << fourth.error().message;
    EXPECT_TRUE(fourth->read_until(kMonitorPrompt));
    EXPECT_EQ(monitor_command(vm.name(), "info name").value, "three");

    // As QEMU's own.
    ASSERT_TRUE(people[1].send("quit\n"));
    for (UnixClient &person : people)
        EXPECT_TRUE(person.read_to_end());
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

TEST(Sessions, ProgramsWithTheSameIdsHearTheirOwnAnswersAndAllEvents) {
    VmUnderTest vm("sameid", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    UnixClient one = open_qmp(vm.name()), two = open_qmp(vm.name());
    ASSERT_TRUE(one.send(R"({"execute":"query-name","id":1}{"execute":"nope","id":2})"));
    ASSERT_TRUE(two.send(R"({"execute":"query-kvm","id":1} {"execute":"query-uuid","id":2})"));
    EXPECT_EQ(read_until(one, "\r\n"), "{\"id\":1,\"return\":{\"name\":\"sameid\"}}\r\n");
    EXPECT_EQ(read_until(one, "\r\n"),
              "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"The command nope has not been "
              "found\"},\"id\":2}\r\n");
    EXPECT_TRUE(read_until(two, "\r\n").starts_with("{\"id\":1,\"return\":{\"enabled\":"));
    EXPECT_TRUE(read_until(two, "\r\n").starts_with("{\"id\":2,\"return\":{\"UUID\":"));

    ASSERT_TRUE(one.send(R"({"execute":"stop","id":{"a":[1,null]}})"));
    EXPECT_TRUE(read_until(one, "\r\n").starts_with("{\"event\":\"STOP\",\"timestamp\":"));
    EXPECT_EQ(read_until(one, "\r\n"), "{\"id\":{\"a\":[1,null]},\"return\":{}}\r\n");
    EXPECT_TRUE(read_until(two, "\r\n").starts_with("{\"event\":\"STOP\",\"timestamp\":"));
}

TEST(Sessions, WhoSendsAndNeverReadsDelaysNobody) {
    VmUnderTest vm("unread", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    UnixClient deaf = open_qmp(vm.name());
    UnixClient other = open_qmp(vm.name());
    // Some 200 kB of answer each, until the daemon takes no more.
    std::string commands;
    for (int i = 0; i < 100; ++i)
        commands += R"({"execute":"query-qmp-schema"})";
    while (deaf.send(commands)) {
    }
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(monitor_command(vm.name(), "info name").value, "unread");
        ASSERT_TRUE(other.send(R"({"execute":"query-name","id":7})"));
        EXPECT_EQ(read_until(other, "\r\n"), "{\"id\":7,\"return\":{\"name\":\"unread\"}}\r\n");
    }
    // It still gets what it asked for.
    EXPECT_TRUE(read_until(deaf, "\r\n").starts_with("{\"return\":["));
    EXPECT_TRUE(read_until(deaf, "\r\n").starts_with("{\"return\":["));
}

TEST(Sessions, AQemuThatHangsIsToldAndTheyGoOn) {
    VmUnderTest vm("stuck", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    UnixClient monitor = open_monitor(vm.name());
    UnixClient qmp = open_qmp(vm.name());
    const pid_t qemu = vm.main_pid();
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);
    ASSERT_TRUE(monitor.send("info status\n"));
    ASSERT_TRUE(qmp.send(R"({"execute":"query-status","id":"a"})"));
    EXPECT_EQ(read_until(monitor, kMonitorPrompt),
              "qemunitd: QEMU did not answer 'info status' in time; it may still do as told\r\n"
              "(qemu) ");
    EXPECT_EQ(read_until(qmp, "\r\n"),
              R"({"error":{"class":"GenericError","desc":"qemunitd: QEMU did not answer )"
              R"('query-status' in time; it may still do as told"},"id":"a"})"
              "\r\n");
    ASSERT_EQ(kill(qemu, SIGCONT), 0);
    ASSERT_TRUE(monitor.send("info name\n"));
    EXPECT_EQ(read_until(monitor, kMonitorPrompt), "stuck\r\n(qemu) ");
    ASSERT_TRUE(qmp.send(R"({"execute":"query-name","id":"b"})"));
    EXPECT_EQ(read_until(qmp, "\r\n"), "{\"id\":\"b\",\"return\":{\"name\":\"stuck\"}}\r\n");
}

TEST(Sessions, EndWithTheVmAndWithTheDaemon) {
    VmUnderTest vm("ending", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        UnixClient monitor = open_monitor(vm.name());
        const pid_t daemon = std::stoi(unit_property("qemunitd.service", "MainPID"));
        ASSERT_GT(daemon, 0);
        ASSERT_EQ(kill(daemon, SIGTERM), 0);
        EXPECT_TRUE(monitor.read_to_end());
    }
    UnixClient monitor = open_monitor(vm.name());
    UnixClient qmp = open_qmp(vm.name());
    UnixClient serial = open_client(vm.name(), "OpenSerial", "");
    EXPECT_EQ(call_vm(vm.name(), "Quit").error, "");
    EXPECT_TRUE(monitor.read_to_end());
    const auto last = qmp.read_to_end();
    EXPECT_TRUE(last && last->find("\"event\":\"SHUTDOWN\"") != last->npos);
    EXPECT_TRUE(serial.read_to_end());
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

TEST(Sessions, AreBoundedInNumber) {
    VmUnderTest vm("bounded", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::vector<UnixClient> clients;
    while (clients.size() < 32)
        clients.push_back(open_client(vm.name(), "OpenMonitor"));
    const BusFd refused = call_for_fd(vm.name(), "OpenQMP");
    EXPECT_EQ(refused.error, "org.freedesktop.DBus.Error.LimitsExceeded") << refused;
    EXPECT_EQ(refused.message,
              "No monitor session of VM 'bounded': there are 32 monitor sessions of it already, "
              "and that is the most; close one");
    // It has seen that one has left before it answers whoever comes after.
    ASSERT_TRUE(clients.back().send("nonsense\n"));
    EXPECT_NE(read_until(clients.back(), "nonsense'\r\n(qemu) "), "");
    clients.pop_back();
    EXPECT_EQ(monitor_command(vm.name(), "info name").value, "bounded");
    EXPECT_EQ(call_for_fd(vm.name(), "OpenQMP").error, "");
}

TEST(Sessions, ASerialPortBesideOtherClients) {
    VmUnderTest vm("console", boot_sector_ini() + "[Serial debug]\n[Channel events]\n");
    ASSERT_TRUE(vm.enable_sockets().ok());
    const BusFd off = call_for_fd(vm.name(), "OpenSerial", "");
    EXPECT_EQ(off.error, "org.qemunit1.Error.NotRunning") << off;
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto person = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(person) << person.error().message;
    ASSERT_TRUE(person->read_until("qemunit guest ready\r\n> "));
    UnixClient program = open_client(vm.name(), "OpenSerial", "serial");
    ASSERT_TRUE(program.send("hello\r"));
    EXPECT_TRUE(read_until(program, "Hello from the guest\r\n").find("hello") != std::string::npos);
    EXPECT_TRUE(person->read_until("Hello from the guest\r\n"));

    open_client(vm.name(), "OpenSerial", "debug");
    for (const char *port : {"events", "monitor", "control", "nope"}) {
        const BusFd refused = call_for_fd(vm.name(), "OpenSerial", port);
        EXPECT_EQ(refused.error, "org.qemunit1.Error.InvalidArgument") << refused;
        EXPECT_EQ(refused.message, "VM 'console' has no serial port '" + std::string(port) +
                                       "'; it has: serial, debug");
    }
}

TEST(Sessions, ASerialPortThatIsBusyOrNotOursIsRefused) {
    VmUnderTest vm("refused", boot_sector_ini() +
                                  "[Serial kept]\nSocketUser=nobody\nSocketGroup=nogroup\n"
                                  "[Serial direct]\nDirect=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusFd kept = call_for_fd(vm.name(), "OpenSerial", "kept");
    EXPECT_EQ(kept.error, "org.freedesktop.DBus.Error.NotSupported") << kept;
    EXPECT_EQ(kept.message,
              "No connection to serial port 'kept' of VM 'refused': SocketUser= in [Serial kept] "
              "of its ini keeps qemunitd out, too; SocketGroup= alone, or SocketGroup=qemunitd "
              "beside it, does not");
    // One is served, and two wait.
    std::vector<BusFd> clients;
    do
        clients.push_back(call_for_fd(vm.name(), "OpenSerial", "direct"));
    while (clients.back().error.empty() && clients.size() < 10);
    EXPECT_EQ(clients.back().error, "org.freedesktop.DBus.Error.LimitsExceeded") << clients.back();
}

TEST(Sessions, TheExampleIsATerminalForThem) {
    const std::string program = QEMUNIT_EXAMPLES "/console.py";
    VmUnderTest vm("example", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished monitor = run({program, vm.name(), "monitor"}, "info name\n");
    EXPECT_TRUE(monitor.ok() && monitor.says("(qemu) example\r\n(qemu) ")) << monitor;
    const Finished qmp = run({program, vm.name(), "qmp"}, R"({"execute":"qmp_capabilities"})");
    EXPECT_TRUE(qmp.ok() && qmp.says("{\"return\":{}}")) << qmp;
    const Finished unknown = run({program, vm.name(), "nope"});
    EXPECT_TRUE(unknown.says("has no serial port 'nope'; it has: serial")) << unknown;
    // Until the VM ends.
    const Finished serial = run({program, vm.name()}, "hello\roff\r");
    EXPECT_TRUE(serial.ok() && serial.says("Hello from the guest")) << serial;
}

TEST(Sessions, FileDescriptorsForQemu) {
    VmUnderTest vm("passed", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        auto [ours, qemus] = socket_pair();
        EXPECT_EQ(pass_fd(vm.name(), "", qemus.get()),
                  "org.qemunit1.Error.InvalidArgument: The name of the file descriptor is empty");
        EXPECT_TRUE(pass_fd(vm.name(), "1st", qemus.get()).starts_with("org.qemunit1.Error.Mon"));
        ASSERT_EQ(pass_fd(vm.name(), "mine", qemus.get()), "");
        qemus.reset();
        const Finished added = execute(vm.name(), "chardev-add", chardev_arguments("mine"));
        ASSERT_TRUE(added.ok()) << added;
        const Finished removed = execute(vm.name(), "chardev-remove", R"({"id":"own"})");
        EXPECT_TRUE(removed.ok()) << removed;
        UnixClient other_end = UnixClient::over(std::move(ours));
        EXPECT_TRUE(other_end.read_to_end()) << "QEMU had it, and has closed it";
    }
    // In the way of QMP: along with the command.
    auto [ours, qemus] = socket_pair();
    UnixClient qmp = open_qmp(vm.name());
    std::string command = R"({"execute":"getfd","arguments":{"fdname":"sent"}})";
    const int fd = qemus.get();
    ASSERT_EQ(send_with_descriptors(qmp.fd(), command, {&fd, 1}),
              static_cast<ssize_t>(command.size()));
    qemus.reset();
    EXPECT_EQ(read_until(qmp, "\r\n"), "{\"return\":{}}\r\n");
    ASSERT_TRUE(
        qmp.send(R"({"execute":"chardev-add","arguments":)" + chardev_arguments("sent") + "}"));
    EXPECT_EQ(read_until(qmp, "\r\n"), "{\"return\":{}}\r\n");
    ASSERT_TRUE(qmp.send(R"({"execute":"chardev-remove","arguments":{"id":"own"}})"));
    EXPECT_EQ(read_until(qmp, "\r\n"), "{\"return\":{}}\r\n");
    UnixClient other_end = UnixClient::over(std::move(ours));
    EXPECT_TRUE(other_end.read_to_end());
    // None sent, none taken.
    ASSERT_TRUE(qmp.send(command));
    EXPECT_NE(read_until(qmp, "\r\n").find("No file descriptor supplied"), std::string::npos);
}

}  // namespace
}  // namespace qemunit::e2e
