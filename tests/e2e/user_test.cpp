// SPDX-License-Identifier: MIT
//
// VMs of ordinary users, whose own systemd runs them: nothing is root's but the package.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;
using MakesNamespaces = UserSession::MakesNamespaces;

constexpr const char *kBootLine = "qemunit guest ready";

// As users of a kernel that lets them make namespaces, and of one that does not.
class VmsOfUser : public testing::TestWithParam<MakesNamespaces> {
  protected:
    bool has_namespaces() const { return GetParam() == MakesNamespaces::yes; }
};

INSTANTIATE_TEST_SUITE_P(, VmsOfUser, testing::Values(MakesNamespaces::yes, MakesNamespaces::no),
                         [](const auto &parameter) {
                             return parameter.param == MakesNamespaces::yes ? "WithNamespaces"
                                                                            : "WithoutNamespaces";
                         });

TEST_P(VmsOfUser, LiveLikeThoseOfTheSystem) {
    UserSession user("joe", GetParam());
    VmOfUser vm(user, "vm1", boot_sector_ini() + "[Network lan]\n");
    Journal journal(vm.unit(), Journal::Of::user);
    const Finished started = vm.start();
    ASSERT_TRUE(started.ok()) << started;
    const Finished status = vm.status();
    EXPECT_TRUE(status.says("active (running)") && status.says("Running, QEMU")) << status;

    // The console, in the user's own journal, and on the socket.
    EXPECT_TRUE(journal.read_until_line(kBootLine));
    EXPECT_NE(user.journalctl(vm.unit()).find(kBootLine), std::string::npos);
    const Finished serial = user.run(
        {"socat", "-t", "60", "STDIO", "UNIX-CONNECT:" + vm.socket("serial")}, "hello\roff\r");
    EXPECT_TRUE(serial.says("Hello from the guest")) << serial;
    EXPECT_TRUE(vm.stop().ok());  // it is on its way
    EXPECT_EQ(user.unit_property(vm.unit(), "Result"), "success");

    // The session bus starts qemunitd.
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished info = user.call_vm("vm1", {"MonitorCommand", "s", "info status"});
    EXPECT_TRUE(info.ok() && info.says("VM status: running")) << info;
    // With file descriptors, which busctl only counts.
    for (const std::vector<std::string> &call :
         {std::vector<std::string>{"OpenMonitor"}, {"OpenQMP"}, {"OpenSerial", "s", ""}}) {
        const Finished opened = user.call_vm("vm1", call);
        EXPECT_TRUE(opened.ok() && opened.output.starts_with("h ")) << opened;
    }
    const Finished list = user.run_words(
        "busctl --user call org.qemunit1 /org/qemunit1 org.qemunit1.Manager ListVMs");
    EXPECT_EQ(list.output,
              "a(ssso) 1 \"vm1\" \"running\" \"qemu@vm1.service\" \"/org/qemunit1/vm/vm1\"\n");
    const Finished statistics = user.call_vm("vm1", {"GetStatistics"});
    EXPECT_TRUE(statistics.says("\"Memory\" t 67108864") && statistics.says("1 \"root\" "))
        << statistics;
    const Finished sockets = user.run_words(
        "busctl --user get-property org.qemunit1 /org/qemunit1/vm/vm1 org.qemunit1.VM Sockets");
    EXPECT_TRUE(sockets.says(vm.socket("serial"))) << sockets;

    const Finished stopped = vm.stop();
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_EQ(user.unit_property(vm.unit(), "ActiveState"), "inactive");
    EXPECT_TRUE(wait_until_gone(vm.socket("serial"))) << "the VM is off";
    const Finished off = user.call_vm("vm1", {"MonitorCommand", "s", "info status"});
    EXPECT_TRUE(off.says("start it with: systemctl --user start qemu@vm1")) << off;
}

// QEMU unlinks the sockets that it was handed, if it can.
TEST_P(VmsOfUser, HaveSocketsThatStayAndBootThem) {
    UserSession user("joe", GetParam());
    VmOfUser vm(user, "vm1", boot_sector_ini());
    const Finished enabled = vm.enable_sockets();
    ASSERT_TRUE(enabled.ok()) << enabled;
    for (int round = 0; round < 2; ++round) {
        {
            auto serial = UnixClient::connect(vm.socket("serial"));
            ASSERT_TRUE(serial) << serial.error().message;
            auto banner = serial->read_until(kBootLine);
            ASSERT_TRUE(banner) << banner.error().message << vm.status();
        }
        ASSERT_TRUE(vm.start().ok()) << vm.status();  // waits until it is active
        const Finished quit = user.call_vm("vm1", {"Quit"});
        EXPECT_TRUE(quit.ok()) << quit;
        EXPECT_TRUE(vm.stop().ok());  // waits until QEMU has gone
        for (const char *socket : {"monitor", "qmp", "control", "serial"})
            EXPECT_TRUE(fs::is_socket(vm.socket(socket))) << socket;
        EXPECT_EQ(user.unit_property("qemu-serial@vm1.socket", "ActiveState"), "active");
    }
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    ASSERT_TRUE(monitor) << monitor.error().message;
    EXPECT_TRUE(monitor->read_until("(qemu)"));
}

TEST_P(VmsOfUser, HaveImagesTpmAndCredentials) {
    UserSession user("joe", GetParam());
    user.write(user.home() + "/disks/data disk.img", std::string(1 << 20, 'x'));
    user.write(user.home() + "/token", "secret");
    fs::create_directory(user.home() + "/src");
    VmOfUser vm(user, "vm1",
                boot_sector_ini() + "[VM]\nTPM=yes\n[Drive made]\nFile=made.qcow2\nSize=1M\n" +
                    "[Drive own]\nFile=" + user.home() +
                    "/disks/data disk.img\n[Share src]\nPath=" + user.home() +
                    "/src\n[Credential a]\nText=x\n[Credential b]\nFile=" + user.home() +
                    "/token\n");
    const Finished started = vm.start();
    ASSERT_TRUE(started.ok()) << started << vm.status();
    const Finished blocks = user.call_vm("vm1", {"MonitorCommand", "s", "info block"});
    EXPECT_TRUE(blocks.says("made (qemunit-image-made): /dev/fdset/")) << blocks;
    EXPECT_TRUE(blocks.says("own (qemunit-image-own): /dev/fdset/")) << blocks;
    const Finished tpm = user.call_vm("vm1", {"MonitorCommand", "s", "info tpm"});
    EXPECT_TRUE(tpm.says("tpm-tis") || tpm.says("tpm-crb")) << tpm;
    EXPECT_EQ(user.unit_property("qemu-tpm@vm1.service", "ActiveState"), "active");
    const auto swtpm = static_cast<pid_t>(
        std::atoi(user.unit_property("qemu-tpm@vm1.service", "MainPID").c_str()));
    ASSERT_GT(swtpm, 0);
    for (const std::string &path : {user.home() + "/token", user.home() + "/disks/data disk.img",
                                    user.runtime_dir() + "/bus", vm.socket("monitor")})
        EXPECT_EQ(open_inside(swtpm, path, O_PATH), has_namespaces() ? ENOENT : 0) << path;
    EXPECT_TRUE(vm.stop().ok());
}

// What a guest that has taken over its QEMU sees.
TEST_P(VmsOfUser, SeeTheHomeOnlyWithoutNamespaces) {
    UserSession user("joe", GetParam());
    user.write(user.home() + "/.ssh/id", "secret");
    VmOfUser vm(user, "vm1", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const bool sees = open_inside(vm.main_pid(), user.home() + "/.ssh/id", O_RDONLY) == 0;
    EXPECT_EQ(sees, !has_namespaces());
    EXPECT_NE(open_inside(vm.main_pid(), fs::path(vm.socket("x")).parent_path() / "x",
                          O_WRONLY | O_CREAT),
              0);
    if (has_namespaces()) {
        EXPECT_NE(open_inside(vm.main_pid(), "/x", O_WRONLY | O_CREAT), 0);
        const Finished exec =
            user.call_vm("vm1", {"MonitorCommand", "s", "migrate \"exec:/usr/bin/touch /tmp/x\""});
        EXPECT_TRUE(exec.says("Failed to execute child process")) << exec;
    }
}

TEST(User, ErrorsAreInTheStatus) {
    UserSession user("joe");
    VmOfUser broken(user, "broken", "[VM]\nUser=ann\n[Network lan]\nType=tap\n");
    EXPECT_FALSE(broken.start().ok());
    const std::string ini = user.home() + "/.config/qemunit/broken.ini";
    const Finished status = broken.status();
    EXPECT_TRUE(status.says(ini + ":2: User=ann needs the system manager")) << status;
    EXPECT_TRUE(status.says(ini + ":4: Type=tap needs the system manager")) << status;
    // And in what the user's systemd said when it ran the generator.
    const Finished journal = user.run_words("journalctl --user --no-pager --quiet -p err");
    EXPECT_TRUE(journal.says(ini + ":2: User=ann")) << journal;

    user.systemctl("start", "qemu@typo.service");
    const std::string typo = user.journalctl("qemu@typo.service");
    EXPECT_NE(typo.find("no VM 'typo' is configured: looked for typo.ini in " + user.home() +
                        "/.config/qemunit, " + user.runtime_dir() +
                        "/qemunit, /etc/qemunit/user, /usr/lib/qemunit/user"),
              std::string::npos)
        << typo;
}

TEST(User, LingeringStartsThem) {
    UserSession user("joe");
    VmOfUser vm(user, "vm1", boot_sector_ini() + "[Install]\nWantedBy=default.target\n");
    EXPECT_EQ(user.unit_property(vm.unit(), "ActiveState"), "inactive");
    Journal journal(vm.unit(), Journal::Of::user);
    const Finished again = run({"systemctl", "restart", user.manager()});
    ASSERT_TRUE(again.ok()) << again;
    EXPECT_TRUE(journal.read_until_line(kBootLine));
    EXPECT_EQ(user.unit_property(vm.unit(), "ActiveState"), "active");
}

TEST(User, PasstIsAUsersNetworkToo) {
    Uplink uplink;
    UserSession user("joe");
    VmOfUser vm(user, "vm1", boot_sector_ini() + "[Network lan]\nType=passt\n");
    const Finished started = vm.start();
    ASSERT_TRUE(started.ok()) << started << vm.status();
    EXPECT_EQ(user.unit_property("qemu-passt@vm1:lan.service", "ActiveState"), "active");
    const Finished network = user.call_vm("vm1", {"MonitorCommand", "s", "info network"});
    EXPECT_TRUE(network.says("lan")) << network;
}

TEST(User, AVmThatHibernatesGoesOn) {
    UserSession user("joe");
    VmOfUser vm(user, "vm1", boot_sector_ini() + "[VM]\nStop=hibernate\n");
    Journal journal(vm.unit(), Journal::Of::user);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(journal.read_until_line(kBootLine));
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    const Finished list = user.run_words("qemunitctl --user list");
    EXPECT_TRUE(list.says("vm1  hibernated  ")) << list;
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished status = vm.status();
    EXPECT_TRUE(status.says("Running, resumed,")) << status;
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("hello\r"));
    EXPECT_TRUE(serial->read_until("Hello from the guest"));
}

// KVM is for a group. Where this machine has none, QEMU says so.
TEST(User, KvmIsForWhoIsInItsGroup) {
    const bool has_kvm = UniqueFd(open("/dev/kvm", O_RDWR | O_CLOEXEC)).get() >= 0;
    // A processor that KVM has everywhere.
    const std::string kvm = boot_sector_ini() + "[VM]\nAccelerator=kvm\nCPU=qemu64\n";
    UserSession user("joe");
    {
        VmOfUser outside(user, "vm1", kvm);
        EXPECT_FALSE(outside.start().ok());
        const Finished status = outside.status();
        EXPECT_TRUE(status.says("Could not access KVM kernel module")) << status;
        EXPECT_EQ(status.says("`usermod -aG kvm joe`"), has_kvm) << status;

        VmOfUser automatic(user, "vm2", boot_sector_ini() + "[VM]\nAccelerator=auto\n");
        EXPECT_TRUE(automatic.start().ok()) << automatic.status();
        const Finished emulated = automatic.status();
        EXPECT_TRUE(emulated.says("cannot open /dev/kvm") &&
                    emulated.says("the VM runs by emulation (TCG)"))
            << emulated;
    }
    ASSERT_TRUE(run_words("usermod -aG kvm joe").ok());
    ASSERT_TRUE(run({"systemctl", "restart", user.manager()}).ok());
    VmOfUser inside(user, "vm1", kvm);
    Journal journal(inside.unit(), Journal::Of::user);
    EXPECT_EQ(inside.start().ok(), has_kvm) << inside.status();
    if (!has_kvm)
        return;
    const Finished accelerator = user.call_vm("vm1", {"MonitorCommand", "s", "info kvm"});
    EXPECT_TRUE(accelerator.says("kvm support: enabled")) << accelerator;
    EXPECT_TRUE(journal.read_until_line(kBootLine));
}

// A file for all users of the machine, and the command for people.
TEST(User, FilesForAllUsers) {
    UserSession user("joe");
    write_file("/etc/qemunit/user/shared.ini", boot_sector_ini());
    const Finished printed = user.run({QEMUNIT_GENERATOR, "--user", "--dry-run"});
    EXPECT_TRUE(printed.ok() && printed.says("---qemu@shared.service.d/50-qemunit.conf---"))
        << printed;
    const Finished system = user.run({QEMUNIT_GENERATOR, "--dry-run"});
    EXPECT_FALSE(system.says("shared")) << system;
    const Finished checked =
        user.run({QEMUNIT_GENERATOR, "--user", "--check", "/etc/qemunit/user/shared.ini"});
    EXPECT_TRUE(checked.ok()) << checked;
    EXPECT_TRUE(user.run_words("systemctl --user daemon-reload").ok());
    const Finished started = user.systemctl("start", "qemu@shared.service");
    EXPECT_TRUE(started.ok()) << started << user.journalctl("qemu@shared.service");
    EXPECT_TRUE(user.systemctl("stop", "qemu@shared.service").ok());
    fs::remove("/etc/qemunit/user/shared.ini");
}

}  // namespace
}  // namespace qemunit::e2e
