// SPDX-License-Identifier: MIT
//
// Type=user: the network that a guest sees is QEMU's, and QEMU has none of the host.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/deadline.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string usernet_of(const std::string &vm) {
    return "qemu-usernet@" + vm + ":lan.service";
}

pid_t process_of(const std::string &unit) {
    return std::atoi(unit_property(unit, "MainPID").c_str());
}

// A program of the host, until the end of the test.
class HostService {
  public:
    HostService(std::string name, std::vector<std::string> command) : name_(std::move(name)) {
        command.insert(command.begin(), {"systemd-run", "--collect", "--unit=" + name_});
        const Finished started = run(command);
        EXPECT_TRUE(started.ok()) << started;
    }
    ~HostService() { run_words("systemctl stop " + name_); }

  private:
    std::string name_;
};

void wait_for_port(const std::string &table, const std::string &hexadecimal) {
    const Finished listens =
        run({"timeout", "20", "sh", "-c",
             "until grep -q :" + hexadecimal + " /proc/net/" + table + "; do :; done"});
    EXPECT_TRUE(listens.ok()) << listens;
}

void set_up_card(GuestShell &guest) {
    guest.run("modprobe -a virtio_pci virtio_net");
    guest.run("ifconfig eth0 10.0.2.15 up");
    guest.run("route add default gw 10.0.2.2");
}

// Says of each name that its address is 192.0.2.7.
constexpr char kNameServer[] = R"(
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    query, client = server.recvfrom(512)
    head = query[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000207")
    server.sendto(head + query[12:] + record, client)
)";

// What a program of the host at 127.0.0.1 says to the guest, or nothing.
std::string heard_from_loopback(GuestShell &guest) {
    return guest.run("nc -w 5 10.0.2.2 9100 </dev/null 2>/dev/null");
}

TEST(Usernet, TheGuestHasQemusAddresses) {
    VmUnderTest vm("unsame", silent_linux_ini() + "[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net; ifconfig eth0 up");
    guest.run("printf '#!/bin/sh\\necho $1 $ip $router $dns\\n' >/tmp/lease; chmod 755 /tmp/lease");
    expect_contains(guest.run("udhcpc -i eth0 -n -q -s /tmp/lease 2>/dev/null"),
                    "bound 10.0.2.15 10.0.2.2 10.0.2.3");
    guest.run("ifconfig eth0 10.0.2.15");
    expect_contains(guest.run("ping -c 1 -W 30 10.0.2.2"), "1 packets received");
}

TEST(Usernet, ThisMachinesLoopbackIsClosedUnlessTheIniOpensIt) {
    HostService service(
        "unloop", {"socat", "TCP-LISTEN:9100,bind=127.0.0.1,fork,reuseaddr", "EXEC:echo reached"});
    wait_for_port("tcp", "238C");
    {
        VmUnderTest vm("unclosed", silent_linux_ini() + "[Network lan]\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        set_up_card(guest);
        EXPECT_EQ(heard_from_loopback(guest), "");
    }
    VmUnderTest vm("unopen", silent_linux_ini() + "[Network lan]\nHostLoopback=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    set_up_card(guest);
    EXPECT_EQ(heard_from_loopback(guest), "reached\n");
}

TEST(Usernet, TheHostsNameServerAnswersThoughItsLoopbackIsClosed) {
    const std::string before = read_file("/etc/resolv.conf");
    write_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    {
        HostService service("undns", {"/usr/bin/python3", "-c", kNameServer});
        wait_for_port("udp", "0035");
        VmUnderTest vm("undns", silent_linux_ini() + "[Network lan]\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        set_up_card(guest);
        expect_contains(guest.run("nslookup any.example 10.0.2.3"), "192.0.2.7");
    }
    write_file("/etc/resolv.conf", before);
}

TEST(Usernet, AForwardByUdp) {
    VmUnderTest vm("unudp",
                   silent_linux_ini() + "[Network lan]\nHostForward=udp:127.0.0.1:10083-:83\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    set_up_card(guest);
    // The guest's kernel counts what comes for a port that nobody listens at.
    const std::string count = "grep '^Udp: [0-9]' /proc/net/snmp | cut -d' ' -f3";
    ASSERT_EQ(guest.run(count), "0\n");
    // One may get lost, as by UDP anywhere: slirp drops what waits for the guest's ARP for a
    // second.
    std::string counted;
    const Deadline deadline;
    do {
        ASSERT_TRUE(run({"socat", "-u", "-", "UDP:127.0.0.1:10083"}, "hello by udp\n").ok());
        counted = guest.run(count);
    } while (counted == "0\n" && !deadline.passed());
    EXPECT_NE(counted, "0\n");
}

TEST(Usernet, QemuHasNoNetworkOfTheHost) {
    VmUnderTest vm("unnone", boot_sector_ini() + "[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(unit_property(vm.unit(), "PrivateNetwork"), "yes");
    EXPECT_EQ(unit_property(vm.unit(), "RestrictAddressFamilies"), "AF_UNIX");
    const auto network_of = [](pid_t process) {
        return fs::read_symlink("/proc/" + std::to_string(process) + "/ns/net").string();
    };
    EXPECT_NE(network_of(vm.main_pid()), network_of(1));
    // It serves the card, and no more.
    const pid_t usernet = process_of(usernet_of(vm.name()));
    EXPECT_EQ(network_of(usernet), network_of(1));
    // The root folder of all VMs may have an empty /home, for what another VM has there.
    fs::create_directory("/home/unnone");
    for (const char *path : {"/etc/passwd", "/etc/qemunit", "/home/unnone", "/run/qemunit",
                             "/run/dbus", "/var/lib/qemunit/unnone", "/run/systemd/private"})
        EXPECT_NE(open_inside(usernet, path, O_PATH), 0) << path;
    fs::remove("/home/unnone");
    EXPECT_EQ(open_inside(usernet, "/etc/resolv.conf", O_RDONLY), 0);
}

TEST(Usernet, OnlyQemunitdOpensPorts) {
    VmUnderTest vm("unctl", boot_sector_ini() + "[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string control = "/run/qemunit/unctl:lan.sock";
    expect_contains(run({"stat", "-c", "%U:%G %a", control}).output, "root:qemunitd 660");
    EXPECT_NE(open_inside(vm.main_pid(), control, O_PATH), 0);
    const std::string list = "/run/qemunit-usernet/unctl:lan/list";
    EXPECT_EQ(open_inside(vm.main_pid(), list, O_PATH), 0);
    const Finished refused =
        run({"socat", "-t", "20", "-", "UNIX-CONNECT:/run/qemunit-usernet/unctl\\:lan/list"},
            "add tcp:127.0.0.1:10084-:22\n");
    EXPECT_EQ(refused.output, "error\nthis socket only lists");
    // The bus may.
    EXPECT_EQ(call_vm("unctl", "AddHostForward", "tcp:127.0.0.1:10084-:22").error, "");
    expect_contains(run_words("qemunitctl forward list unctl").output,
                    "tcp:127.0.0.1:10084-10.0.2.15:22");
    // Until the VM starts anew.
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    EXPECT_FALSE(run_words("qemunitctl forward list unctl").says("10084"));
    EXPECT_EQ(call_vm("unctl", "AddHostForward", "tcp:127.0.0.1:10084-:22").error, "");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state(usernet_of("unctl"), "inactive"));
    EXPECT_TRUE(wait_for_state("qemu-usernet@unctl:lan.socket", "inactive"));
    EXPECT_FALSE(fs::exists(control));
}

TEST(Usernet, OneThatIsKilledIsMissed) {
    VmUnderTest vm("unkill",
                   boot_sector_ini() + "[Network lan]\nHostForward=tcp:127.0.0.1:10085-:22\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t qemu = vm.main_pid();
    ASSERT_EQ(kill(process_of(usernet_of("unkill")), SIGKILL), 0);
    ASSERT_TRUE(wait_for_state(usernet_of("unkill"), "failed"));
    const auto said = [&] {
        run_words("journalctl --sync");
        return run_words("journalctl -b --no-pager -p 3 -u qemu@unkill").output;
    };
    expect_contains(said(), "The user network (qemunit-usernet) has ended while the VM runs");
    // Nobody starts it anew by asking for it.
    const BusReply add = call_vm("unkill", "AddHostForward", "tcp:127.0.0.1:10086-:22");
    EXPECT_NE(add.error, "") << add;
    EXPECT_EQ(unit_property(usernet_of("unkill"), "ActiveState"), "failed");
    EXPECT_EQ(vm.main_pid(), qemu);
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    EXPECT_EQ(unit_property(usernet_of("unkill"), "ActiveState"), "active");
    expect_contains(run_words("qemunitctl forward list unkill").output, ":10085-");
}

TEST(Usernet, OneThatHangsDelaysNoOtherVm) {
    VmUnderTest hangs("unhangs", boot_sector_ini() + "[Network lan]\n");
    VmUnderTest other("unother", boot_sector_ini() + "[Network lan]\n");
    ASSERT_TRUE(hangs.start().ok()) << hangs.status();
    ASSERT_TRUE(other.start().ok()) << other.status();
    const pid_t usernet = process_of(usernet_of("unhangs"));
    ASSERT_EQ(kill(usernet, SIGSTOP), 0);
    Terminal asked({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/unhangs", "org.qemunit1.VM",
                    "GetHostForwards"});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(call_vm("unother", "AddHostForward", "tcp:127.0.0.1:10087-:22").error, "");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
    EXPECT_NE(asked.wait(), 0);
    const BusReply add = call_vm("unhangs", "AddHostForward", "tcp:127.0.0.1:10088-:22");
    EXPECT_EQ(add.error, "org.qemunit1.Error.Timeout") << add;
    ASSERT_EQ(kill(usernet, SIGCONT), 0);
    EXPECT_EQ(call_vm("unhangs", "RemoveHostForward", "tcp:127.0.0.1:10088-:22").error, "");
}

// Its user network was inside of QEMU, and is a part of the state.
TEST(Usernet, AStateThatEarlierVersionsHaveSavedIsResumed) {
    const std::string ini = boot_sector_ini() + "[VM]\nStop=hibernate\n[Network lan]\n";
    VmUnderTest vm("unold", ini + "[VM]\nArguments=-netdev user,id=inside\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(journal.read_until_line("qemunit guest ready"));
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    const std::string file = "/var/lib/qemunit/unold/hibernated";
    constexpr std::size_t kHeader = 64 << 10;  // which they did not write
    const std::string state = read_file(file);
    ASSERT_GT(state.size(), kHeader);
    write_file(file, state.substr(kHeader));
    write_file(vm.ini_path(), ini);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.status().says("Running, resumed,")) << vm.status();
}

TEST(Usernet, OfAUsersVm) {
    UserSession user("joe");
    VmOfUser vm(user, "vm1",
                boot_sector_ini() + "[Network lan]\nHostForward=tcp:127.0.0.1:10089-:22\n");
    const Finished started = vm.start();
    ASSERT_TRUE(started.ok()) << started << vm.status();
    EXPECT_EQ(user.unit_property(usernet_of("vm1"), "ActiveState"), "active");
    const Finished added =
        user.run_words("qemunitctl --user forward add vm1 tcp:127.0.0.1:10079-:80");
    EXPECT_TRUE(added.ok()) << added;
    const Finished list = user.run_words("qemunitctl --user forward list vm1");
    EXPECT_TRUE(list.says(":10089-") && list.says(":10079-")) << list;
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
}

}  // namespace
}  // namespace qemunit::e2e
