// SPDX-License-Identifier: MIT
//
// A VM that cannot start says why, where its owner looks first: in the unit's status.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "common/unique_fd.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// Fails to start, and its status says `reason`.
void expect_failure(const VmUnderTest &vm, const std::string &reason) {
    const Finished start = vm.start();
    EXPECT_FALSE(start.ok()) << start;
    const Finished status = vm.status();
    EXPECT_TRUE(status.says(reason)) << "should say: " << reason << "\n" << status;
    EXPECT_FALSE(status.says("blob data")) << status;
}

TEST(Failures, AMissingDiskInQemusWords) {
    VmUnderTest vm("fail-disk",
                   "[VM]\nAccelerator=tcg\n[Drive root]\nFile=/var/lib/nowhere/disk.img\n");
    expect_failure(vm, "Could not open '/var/lib/nowhere/disk.img': No such file or directory");
}

TEST(Failures, AGuestThatCannotSayThatItIsUp) {
    if (access("/dev/vhost-vsock", F_OK) == 0)
        GTEST_SKIP() << "This machine has /dev/vhost-vsock.";
    VmUnderTest vm("fail-vsock", boot_sector_ini() + "[VM]\nVSockCID=42\nReady=notify\n");
    expect_failure(vm,
                   "Ready=notify: cannot open /dev/vhost-vsock, by which a guest has vsock "
                   "(`modprobe vhost_vsock` makes it, ");
}

TEST(Failures, AnUnknownDeviceInQemusWords) {
    VmUnderTest vm("fail-device", boot_sector_ini() + "[VM]\nArguments=-device flux-capacitor\n");
    expect_failure(vm, "'flux-capacitor' is not a valid device model name");
}

// A TCP port that is in use; free again at the end.
class TakenPort {
  public:
    TakenPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_ANY);
        socklen_t length = sizeof address;
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        if (bind(socket_.get(), generic, length) == 0 && listen(socket_.get(), 1) == 0 &&
            getsockname(socket_.get(), generic, &length) == 0)
            number_ = ntohs(address.sin_port);
    }
    int number() const { return number_; }

  private:
    UniqueFd socket_;
    int number_ = 0;
};

TEST(Failures, ATakenPortInQemusWords) {
    auto port = std::make_unique<TakenPort>();
    ASSERT_GT(port->number(), 0);
    const std::string forward = "tcp::" + std::to_string(port->number()) + "-:22";
    VmUnderTest vm("fail-port", boot_sector_ini() + "[Network lan]\nHostForward=" + forward + "\n");
    expect_failure(vm, "qemu-usernet@fail-port:lan.service, which the VM needs, is not up");
    run_words("systemctl start qemu-failure@fail-port.service");
    expect_contains(vm.status().output, " of this machine is taken by qemunit-e2e");
    run_words("journalctl --sync");
    expect_contains(run_words("journalctl -b --no-pager -u qemu@fail-port").output,
                    "Could not set up host forwarding rule '" + forward + "'");

    // Free again: now it is the network that listens there.
    const std::string address = "TCP:127.0.0.1:" + std::to_string(port->number());
    port.reset();
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished connect = run({"socat", "-u", "OPEN:/dev/null", address});
    EXPECT_TRUE(connect.ok()) << connect;
}

TEST(Failures, AStartWithAMisspelledNameSaysWhichVmIsMeant) {
    VmUnderTest near("tupo", boot_sector_ini());
    const Finished start = run_words("systemctl start qemu@typo");
    EXPECT_FALSE(start.ok()) << start;
    run_words("journalctl --sync");
    const Finished status = run_words("systemctl status --no-pager --full qemu@typo");
    EXPECT_TRUE(status.says("no VM 'typo' is configured: looked for ")) << status;
    EXPECT_TRUE(status.says("typo.ini") && status.says("/etc/qemunit")) << status;
    EXPECT_TRUE(status.says("did you mean 'tupo'?")) << status;
    EXPECT_TRUE(status.says("status=78")) << status;
    run_words("systemctl reset-failed qemu@typo");
}

// No user can be called like these VMs, which systemd says before any command can say more.
TEST(Failures, AnIniWithAnErrorSaysSoWhateverTheVmIsCalled) {
    for (const std::string name : {"web.example", "a-name-of-twenty-seven-chars", "a"}) {
        VmUnderTest vm(name, "[VM]\nMemory=much\n");
        EXPECT_FALSE(vm.start().ok());
        run_words("journalctl --sync");
        const Finished status = vm.status();
        EXPECT_TRUE(status.says(name + ".ini:2: Memory=much: ")) << status;
        EXPECT_TRUE(status.says("status=78")) << status;
        run_words("systemctl reset-failed qemu@" + name);
    }
}

TEST(Failures, ABrokenIniSaysEveryErrorWithItsLine) {
    VmUnderTest vm("fail-ini",
                   "[VM]\n"
                   "Memory=lots\n"
                   "Memory=1G\n"
                   "CPUs=-3\n"
                   "[Drive 1/2]\n"
                   "File=x\n");
    const Finished start = vm.start();
    EXPECT_FALSE(start.ok()) << start;
    const Finished status = vm.status();
    for (int line : {2, 4, 5})
        EXPECT_TRUE(status.says(vm.ini_path() + ":" + std::to_string(line) + ": "))
            << "line " << line << "\n"
            << status;
}

TEST(Failures, AnUnknownKeyIsOnlyAWarning) {
    VmUnderTest vm("fail-key", boot_sector_ini() + "[VM]\nMemroy=1G\n");
    const Finished start = vm.start();
    EXPECT_TRUE(start.ok()) << start << vm.status();
}

TEST(Failures, TheKernelLogHasTheErrorsAsWell) {
    VmUnderTest vm("fail-kmsg", "[VM]\nMemory=plenty\n");
    const std::string expected = vm.ini_path() + ":2: ";
    // The container's /dev/kmsg, see tools/throwaway.
    const std::string log = wait_for_text("/run/throwaway/kmsg", expected);
    ASSERT_NE(log.find(expected), std::string::npos) << log;
    const std::size_t begin = log.rfind('\n', log.find(expected)) + 1;
    EXPECT_TRUE(log.substr(begin).starts_with("<3>qemunit-generator[")) << log.substr(begin);
}

// In this container, nobody reads /dev/kmsg but tools/throwaway.
TEST(Failures, TheJournalHasTheErrorsAlsoWithoutAKernelLog) {
    VmUnderTest vm("fail-journal", boot_sector_ini() + "[VM]\nMemroy=1G\nMemory=plenty\n");
    run_words("journalctl --sync");
    const Finished said = run_words("journalctl -b -t qemunit-generator -o cat -p err");
    EXPECT_TRUE(said.says(vm.ini_path() + ":10: Memory=plenty: ")) << said;
    EXPECT_FALSE(said.says("Memroy")) << said;
    EXPECT_TRUE(run_words("journalctl -b -t qemunit-generator -o cat").says("'Memroy'"));
    EXPECT_EQ(read_file("/run/systemd/generator/qemunit.messages"), "");
}

// PID 1 waits for the generator, which waits for nobody: not for the reader of a fifo in place of
// the kernel log, and not for a journald that is stopped.
TEST(Failures, AGeneratorWaitsForNoReaderOfItsMessages) {
    VmUnderTest vm("fail-wait", "[VM]\nMemory=plenty\n");
    const std::string generate =
        "mkdir -p /tmp/fail-wait && mkfifo /tmp/fail-wait/fifo && mkdir /tmp/fail-wait/out && "
        "mount --bind /tmp/fail-wait/fifo /dev/kmsg && mount -t tmpfs none /run/systemd/journal && "
        "SYSTEMD_SCOPE=system timeout 60 /usr/lib/systemd/system-generators/qemunit-generator "
        "/tmp/fail-wait/out";
    const Finished generated =
        run({"unshare", "--mount", "--propagation", "private", "sh", "-c", generate});
    EXPECT_EQ(generated.status, 1) << generated;
    const std::string kept = read_file("/tmp/fail-wait/out/qemunit.messages");
    EXPECT_TRUE(kept.starts_with("<3>" + vm.ini_path() + ":2: Memory=plenty: ")) << kept;
    EXPECT_EQ(std::filesystem::read_symlink(
                  "/tmp/fail-wait/out/sysinit.target.wants/qemunit-messages.service"),
              "/lib/systemd/system/qemunit-messages.service");
}

}  // namespace
}  // namespace qemunit::e2e
