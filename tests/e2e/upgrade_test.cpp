// SPDX-License-Identifier: MIT
//
// A guest that goes on in another QEMU while it runs, and each way in which that can fail. Needs
// QEMU 10; with an older one, it is refused, and that is tested.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kQemuToUpgrade = "/usr/bin/qemu-to-upgrade",
                  kInstalledQemu = "/usr/bin/qemu-system-x86_64";

bool qemu_hands_over() {
    const std::string said = run({kInstalledQemu, "--version"}).output;
    constexpr std::string_view kVersion = "version ";
    const std::size_t at = said.find(kVersion);
    return at != said.npos && std::atoi(said.c_str() + at + kVersion.size()) >= 10;
}

// As a package does: another file of that name.
void install_qemu() {
    fs::copy_file(kInstalledQemu, kQemuToUpgrade + ".new", fs::copy_options::overwrite_existing);
    fs::rename(kQemuToUpgrade + ".new", kQemuToUpgrade);
}

void install_script(const std::string &text) {
    write_file(kQemuToUpgrade + ".new", "#!/bin/sh\n" + text + "\n");
    fs::permissions(kQemuToUpgrade + ".new", fs::perms{0755});
    fs::rename(kQemuToUpgrade + ".new", kQemuToUpgrade);
}

std::string upgrade_ini(const std::string &more = "") {
    return silent_linux_ini() + "[VM]\nQEMU=" + kQemuToUpgrade + "\n" + more;
}

class Upgrade : public testing::Test {
  protected:
    void SetUp() override {
        if (!qemu_hands_over())
            GTEST_SKIP() << "this QEMU hands no guest over";
        install_qemu();
    }
    ~Upgrade() override {
        std::error_code gone;
        fs::remove(kQemuToUpgrade, gone);
    }

    static std::string program_of(const VmUnderTest &vm) {
        std::error_code gone;
        return fs::read_symlink("/proc/" + std::to_string(vm.main_pid()) + "/exe", gone);
    }
    static void expect_said(const VmUnderTest &vm, const std::string &command,
                            const std::string &answer) {
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->send(command + "\r"));
        const auto said = serial->read_until(answer);
        EXPECT_TRUE(said) << said.error().message;
    }
    static void expect_goes_on(const VmUnderTest &vm) {
        // What was said before is on the screen still.
        static int question = 1000;
        ++question;
        expect_said(vm, "echo the sum is $((" + std::to_string(question) + " + 1)).",
                    "the sum is " + std::to_string(question + 1) + ".");
        EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    }
    // Of the unit, besides main process, companion and supervisor.
    static std::optional<pid_t> wait_for_new_qemu(const VmUnderTest &vm) {
        const pid_t companion = vm.companion(), supervisor = vm.supervisor();
        for (const Deadline deadline; !deadline.passed();)
            for (const pid_t pid : vm.other_pids()) {
                std::error_code gone;
                const std::string program =
                    fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone);
                if (pid != companion && pid != supervisor &&
                    program.find("qemunit") == program.npos && !program.empty())
                    return pid;
            }
        return std::nullopt;
    }
};

// Each number that the guest prints is there once, and in order.
void expect_numbers(const std::string &text, int last) {
    std::istringstream lines(text);
    std::string word;
    int expected = -1;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("line ") || line.size() < 6)
            continue;
        const int number = std::atoi(line.c_str() + 5);
        if (expected >= 0) {
            ASSERT_EQ(number, expected) << "after " << expected - 1;
        }
        expected = number + 1;
        if (number >= last)
            return;
    }
    FAIL() << "line " << last << " is not there, but " << expected - 1;
}

TEST_F(Upgrade, TheGuestGoesOnInTheNewQemu) {
    VmUnderTest vm("upgrade", upgrade_ini("RNG=yes\nBalloon=yes\nWatchdog=reset\n") +
                                  "[Drive root]\nFile=root.qcow2\nSize=16M\n"
                                  "[Drive more]\nFile=more.img\nSize=4M\nInterface=scsi\n"
                                  "[Network lan]\n[Network dmz]\nType=none\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("echo guest writes >/dev/vda");
    Journal journal(vm.unit());
    const pid_t before = vm.main_pid();
    const std::string invocation = unit_property(vm.unit(), "InvocationID");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("i=0; while [ ! -e /end ]; do echo line $i; i=$((i + 1)); done &\r"));
    ASSERT_TRUE(serial->read_until("line 200\r\n"));

    install_qemu();
    const Finished upgraded = ctl("upgrade " + vm.name());
    ASSERT_TRUE(upgraded.ok()) << upgraded << vm.status() << journalctl(vm.unit());
    expect_contains(upgraded.output, vm.name() + ": goes on in the new QEMU; stood still for ");
    std::cout << upgraded.output;
    EXPECT_NE(vm.main_pid(), before);
    EXPECT_EQ(program_of(vm), kQemuToUpgrade);
    EXPECT_EQ(unit_property(vm.unit(), "InvocationID"), invocation);
    EXPECT_EQ(vm.other_pids().size(), 2u);
    const Finished again = ctl("upgrade --all");
    EXPECT_EQ(again.output, "Each VM that runs has the QEMU that is installed.\n");

    // The ini is as it was, whatever the helper has added.
    EXPECT_TRUE(vm.systemctl("reload").ok());
    EXPECT_EQ(journalctl(vm.unit()).find("Not before the VM is started anew"), std::string::npos);

    // The same client types on, and has missed nothing; nor has the journal.
    ASSERT_TRUE(serial->send("touch /end; echo the $((1 + 1))nd QEMU\r"));
    const auto seen = serial->read_until("the 2nd QEMU");
    ASSERT_TRUE(seen) << seen.error().message;
    int last = 0;
    for (std::size_t at = 0; (at = seen->find("\nline ", at)) != seen->npos; ++at)
        last = std::max(last, std::atoi(seen->c_str() + at + 6));
    EXPECT_GT(last, 200);
    expect_numbers(*seen, last);
    const auto logged = journal.read_until_line("line " + std::to_string(last));
    ASSERT_TRUE(logged) << logged.error().message;
    std::string log;
    for (const std::string &line : lines_of(*logged))
        log += line + "\n";
    expect_numbers(log, last);

    expect_said(vm, "echo vda: $(head -c 12 /dev/vda).", "vda: guest writes.");
    expect_contains(status_of_qemu(vm.name()), "running");
    // Everything that was there can be done to the one that is there now, an upgrade as well.
    install_qemu();
    EXPECT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    EXPECT_EQ(call_vm(vm.name(), "Hibernate").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(trimmed(GuestShell::of_resumed(vm).run("head -c 12 /dev/vda")), "guest writes");
    EXPECT_TRUE(vm.stop().ok());
}

// A companion that is killed behind it has the new QEMU.
TEST_F(Upgrade, AnotherCompanionTakesTheNewQemuOver) {
    VmUnderTest vm("uptake", upgrade_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("true");
    install_qemu();
    ASSERT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    const pid_t qemu = vm.main_pid(), companion = vm.companion();
    ASSERT_EQ(kill(companion, SIGKILL), 0);
    for (const Deadline deadline; vm.companion() == companion && !deadline.passed();)
        continue;
    expect_goes_on(vm);
    EXPECT_EQ(vm.main_pid(), qemu);
    install_qemu();
    EXPECT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    expect_goes_on(vm);
    EXPECT_TRUE(vm.stop().ok());
}

TEST_F(Upgrade, ANewQemuThatFailsLeavesTheOldOne) {
    VmUnderTest vm("upfails", upgrade_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("true");
    const pid_t before = vm.main_pid();
    install_script("exit 1");
    EXPECT_NE(call_vm(vm.name(), "Upgrade").error, "");
    expect_contains(journalctl(vm.unit()), "it goes on in the one that it has");
    EXPECT_EQ(vm.main_pid(), before);
    expect_goes_on(vm);
    // What it could not do then, it can do now, and hibernate as well.
    install_qemu();
    EXPECT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    expect_goes_on(vm);
    EXPECT_TRUE(vm.stop().ok());
}

// One that never comes.
class UpgradeInBetween : public Upgrade {
  protected:
    void SetUp() override {
        Upgrade::SetUp();
        if (IsSkipped())
            return;
        vm.emplace("upmid", upgrade_ini());
        ASSERT_TRUE(vm->start().ok()) << vm->status();
        GuestShell(*vm).run("true");
        before = vm->main_pid();
        install_script("while :; do :; done");
        call.emplace(vm->name(), "Upgrade");
        const auto under_way =
            wait_for_property(vm->unit(), "StatusText", "Going on in another QEMU");
        ASSERT_TRUE(under_way) << under_way.error().message;
        next = wait_for_new_qemu(*vm);
        ASSERT_TRUE(next);
    }
    void expect_new_one_is_gone() const {
        EXPECT_TRUE(wait_until_gone("/proc/" + std::to_string(*next)));
    }

    std::optional<VmUnderTest> vm;
    std::optional<PendingCall> call;
    std::optional<pid_t> next;
    pid_t before = -1;
};

TEST_F(UpgradeInBetween, TheNewQemuIsKilled) {
    ASSERT_EQ(kill(*next, SIGKILL), 0);
    EXPECT_NE(call->wait().error, "");
    EXPECT_EQ(vm->main_pid(), before);
    expect_goes_on(*vm);
}

TEST_F(UpgradeInBetween, TheOldQemuIsKilled) {
    ASSERT_EQ(kill(before, SIGKILL), 0);
    EXPECT_NE(call->wait().error, "");
    EXPECT_TRUE(wait_for_state(vm->unit(), "failed"));
    expect_new_one_is_gone();
    run_words("systemctl reset-failed " + vm->unit());
}

TEST_F(UpgradeInBetween, TheCompanionIsKilled) {
    const pid_t companion = vm->companion();
    ASSERT_EQ(kill(companion, SIGKILL), 0);
    EXPECT_NE(call->wait().error, "");
    expect_new_one_is_gone();
    EXPECT_EQ(vm->main_pid(), before);
    expect_goes_on(*vm);
    install_qemu();
    EXPECT_TRUE(ctl("upgrade " + vm->name()).ok()) << journalctl(vm->unit());
    expect_goes_on(*vm);
}

TEST_F(UpgradeInBetween, TheVmIsStopped) {
    EXPECT_TRUE(vm->stop().ok());
    expect_new_one_is_gone();
    EXPECT_EQ(unit_property(vm->unit(), "Result"), "success");
}

// Before anything is done, with the name of what does not go along.
TEST_F(Upgrade, WhatDoesNotGoAlongIsNamed) {
    const std::string medium = kGuestDir + "/console.img";
    for (const auto &[more, named] :
         {std::pair<std::string, std::string>("[VM]\nDisplay=vnc\n", "is not handed to another"),
          std::pair<std::string, std::string>("[Drive cd]\nFile=" + medium + "\nMedia=cdrom\n",
                                              "'cd'"),
          std::pair<std::string, std::string>(
              "[Drive temp]\nFile=temp.img\nSize=1M\nEphemeral=yes\n", "temp"),
          std::pair<std::string, std::string>("[Serial serial]\nDirect=yes\n",
                                              "Direct=yes of [Serial serial]"),
          std::pair<std::string, std::string>("[Channel events]\n", "[Channel events]")}) {
        VmUnderTest vm("uprefused", upgrade_ini(more));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const BusReply refused = call_vm(vm.name(), "Upgrade");
        EXPECT_EQ(refused.error, "org.qemunit1.Error.Monitor");
        expect_contains(refused.message, named);
        expect_contains(status_of_qemu(vm.name()), "running");
        EXPECT_TRUE(run_words("systemctl kill -s SIGKILL " + vm.unit()).ok());
        run_words("systemctl stop " + vm.unit());
        run_words("systemctl reset-failed " + vm.unit());
    }
}

// What is kept for another QEMU goes with the drive: somebody wants to unmount what it is on.
TEST_F(Upgrade, AnImageIsNotKeptLongerThanItsDrive) {
    VmUnderTest vm("updetach",
                   upgrade_ini("[Drive more]\nFile=more.img\nSize=4M\nInterface=scsi\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("true");
    const std::string fds = "/proc/" + std::to_string(vm.supervisor()) + "/fd";
    const auto has_image = [&] {
        std::error_code gone;
        for (fs::directory_iterator fd(fds, gone), end; !gone && fd != end; fd.increment(gone)) {
            std::error_code closed;
            if (fs::read_symlink(fd->path(), closed).filename() == "more.img")
                return true;
        }
        return false;
    };
    EXPECT_TRUE(has_image());
    EXPECT_EQ(monitor_command(vm.name(), "device_del more").error, "");
    for (const Deadline deadline; has_image() && !deadline.passed();)
        continue;
    EXPECT_FALSE(has_image());
    const BusReply refused = call_vm(vm.name(), "Upgrade");
    EXPECT_EQ(refused.error, "org.qemunit1.Error.Monitor");
    expect_contains(refused.message, "'more'");
    expect_goes_on(vm);
    EXPECT_TRUE(vm.stop().ok());
}

// A connection of the guest lives in qemunit-usernet, which waits for the next QEMU.
TEST_F(Upgrade, ConnectionsOfTheUserNetworkGoOn) {
    VmUnderTest vm("upnet", upgrade_ini("[Network lan]\nHostForward=tcp:127.0.0.1:10091-:80\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_net; ifconfig eth0 10.0.2.15 up");
    guest.run("nc -l -p 80 -e cat &");
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(10091);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    UnixClient connection = UnixClient::over(std::move(fd));
    ASSERT_TRUE(connection.send("before\n"));
    ASSERT_TRUE(connection.read_until("before\n"));
    install_qemu();
    ASSERT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    ASSERT_TRUE(connection.send("after\n"));
    EXPECT_TRUE(connection.read_until("after\n"));
    EXPECT_TRUE(vm.stop().ok());
}

// A program in the guest that has the port open does not notice.
TEST_F(Upgrade, ThePortOfTheGuestAgentGoesOn) {
    VmUnderTest vm("upagent",
                   upgrade_ini("GuestAgent=yes\n[Boot]\nInitrd=" + kGuestDir + "/initrd-agent\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_console");
    // The device is there before it can be opened.
    guest.run("(while ! cat /dev/vport*p1 >/tmp/heard 2>/dev/null; do usleep 50000; done) &");
    auto client = UnixClient::connect(vm.socket("agent"));
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE(client->send("before\n"));
    const auto wait_for = [&](const std::string &word) {
        guest.run("while ! grep -q " + word + " /tmp/heard; do usleep 50000; done");
    };
    wait_for("before");
    install_qemu();
    ASSERT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    ASSERT_TRUE(client->send("after\n"));
    wait_for("after");
    EXPECT_EQ(guest.run("cat /tmp/heard"), "before\nafter\n");
    EXPECT_TRUE(vm.stop().ok());
}

// The machine that could be handed over is the same to a state that was saved without that.
TEST_F(Upgrade, AStateOfAMachineThatCouldNotBeHandedOver) {
    VmUnderTest vm("upstate", upgrade_ini("[Serial more]\nDirect=yes\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell(vm).run("answer=42");
    EXPECT_EQ(call_vm(vm.name(), "Hibernate").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    write_file(vm.ini_path(), upgrade_ini("[Serial more]\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(GuestShell::of_resumed(vm).run("echo $answer"), "42\n");
    install_qemu();
    EXPECT_TRUE(ctl("upgrade " + vm.name()).ok()) << journalctl(vm.unit());
    expect_said(vm, "echo it is still $answer.", "it is still 42.");
    EXPECT_TRUE(vm.stop().ok());
}

TEST(UpgradeOfOldQemu, IsRefusedWithTheVersion) {
    if (qemu_hands_over())
        GTEST_SKIP() << "this QEMU hands guests over";
    VmUnderTest vm("upold", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply refused = call_vm(vm.name(), "Upgrade");
    EXPECT_EQ(refused.error, "org.qemunit1.Error.Monitor");
    expect_contains(refused.message,
                    "does not hand a running guest to another QEMU; QEMU 10.0 and "
                    "newer do");
    expect_contains(status_of_qemu(vm.name()), "running");
}

// Only a guest that was saved and does not come back says something about the new QEMU.
TEST(UpgradeOfAll, GoesOnAfterAVmThatRefuses) {
    namespace fs = std::filesystem;
    const std::string qemu = "/usr/bin/qemu-to-upgrade";
    fs::copy_file("/usr/bin/qemu-system-x86_64", qemu, fs::copy_options::overwrite_existing);
    const std::string ini =
        boot_sector_ini() + "[VM]\nQEMU=" + qemu + "\n[Serial more]\nDirect=yes\n";
    VmUnderTest one("upallone", ini), two("upalltwo", ini);
    ASSERT_TRUE(one.start().ok()) << one.status();
    ASSERT_TRUE(two.start().ok()) << two.status();
    fs::copy_file(qemu, qemu + ".new");
    fs::rename(qemu + ".new", qemu);
    const Finished refused = run_words("qemunitctl upgrade --all");
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output, "upallone: ");
    expect_contains(refused.output, "upalltwo: ");
    EXPECT_EQ(refused.output.find("are left as they are"), std::string::npos) << refused;
    fs::remove(qemu);
}

}  // namespace
}  // namespace qemunit::e2e
