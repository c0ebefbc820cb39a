// SPDX-License-Identifier: MIT
//
// What a QEMU that a guest has taken over can do to the host, to other VMs and in the name of its
// own unit (rogue_attempts.cpp): nothing, with each kind of network, and each attempt has its
// refusal.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "common/paths.h"
#include "common/unique_fd.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// An attempt, and the errors that it may end with.
struct Refusal {
    const char *attempt, *errors;
};

constexpr Refusal kRefusals[] = {
    // Processes of another VM. Signal 0 is refused to whom SIGKILL is.
    {"kill-qemu", "EPERM ESRCH"},
    {"kill-companion", "EPERM ESRCH"},
    {"tgkill-qemu", "EPERM ESRCH"},
    {"sigqueue-qemu", "EPERM ESRCH"},
    {"pidfd-signal-qemu", "EPERM ESRCH"},
    {"pidfd-getfd-qemu", "EPERM"},
    {"madvise-qemu", "EPERM"},
    {"prlimit-qemu", "EPERM ESRCH"},
    {"prlimit-companion", "EPERM ESRCH"},
    {"priority-qemu", "EPERM"},
    {"ioprio-qemu", "EPERM"},
    {"affinity-qemu", "EPERM"},
    {"scheduler-qemu", "EPERM"},
    {"ptrace-qemu", "EPERM"},
    {"ptrace-companion", "EPERM"},
    {"ptrace-parent", "EPERM"},
    {"read-memory-qemu", "EPERM"},
    {"write-memory-qemu", "EPERM"},
    {"kcmp-qemu", "EPERM"},
    {"migrate-pages-qemu", "EPERM"},
    {"move-pages-qemu", "EPERM"},
    {"proc-memory-qemu", "ENOENT"},
    {"proc-files-qemu", "ENOENT"},
    {"proc-memory-companion", "ENOENT"},
    {"proc-memory-own-companion", "ENOENT"},
    // Programs.
    {"exec-shell", "EACCES"},
    {"exec-loader", "EACCES"},
    {"exec-qemu", "EACCES"},
    {"exec-itself", "EACCES"},
    {"exec-helper", "EACCES"},
    {"exec-companion", "EACCES"},
    {"exec-state-file", "EACCES"},
    {"exec-tmp-file", "EACCES"},
    {"exec-shm-file", "EACCES"},
    {"exec-memory-file", "EACCES"},
    {"exec-memory-file-by-name", "EACCES"},
    {"map-state-file", "EPERM"},
    {"set-user-id-bit", "EPERM"},
    // Its own unit: what it says to systemd and to the journal.
    {"notify-ready", "EPERM"},
    {"notify-stopping", "EPERM"},
    {"notify-status", "EPERM"},
    {"notify-mainpid", "EPERM"},
    {"notify-fdstore", "EPERM"},
    {"journal-native", "EPERM"},
    {"journal-syslog", "EPERM"},
    {"journal-stream", "ENOENT"},
    {"syslog", "EPERM"},
    {"inherited-datagrams", "ENOENT"},
    {"control-group", "EACCES"},
    // Sockets.
    {"socket-unix-datagram", "EPERM"},
    {"socket-unix-packet", "EPERM"},
    {"socket-unix-raw", "EPERM"},
    {"socketpair-datagram", "EPERM"},
    {"socket-inet", "EAFNOSUPPORT"},
    {"socket-inet6", "EAFNOSUPPORT"},
    {"socket-netlink", "EAFNOSUPPORT"},
    {"socket-packet", "EAFNOSUPPORT"},
    {"socket-vsock", "EAFNOSUPPORT"},
    {"socket-alg", "EAFNOSUPPORT"},
    {"socket-key", "EAFNOSUPPORT"},
    {"socket-bluetooth", "EAFNOSUPPORT"},
    {"io-uring-setup", "EPERM"},
    {"io-uring-enter", "EPERM"},
    {"io-uring-register", "EPERM"},
    {"abstract-socket", "ECONNREFUSED"},
    {"host-port", "EAFNOSUPPORT"},
    {"tap-of-another", "ENOENT"},
    {"tap-new", "ENOENT EPERM"},
    // What others have: sockets, state, the bus.
    {"control-of-another", "ENOENT"},
    {"monitor-of-another", "ENOENT"},
    {"serial-of-another", "ENOENT"},
    {"vnc-of-another", "ENOENT"},
    {"state-of-another", "ENOENT"},
    {"image-of-another", "ENOENT"},
    {"ini-of-another", "ENOENT"},
    {"bus", "ENOENT"},
    {"manager", "ENOENT"},
    // Files that are not its own.
    {"write-root", "EROFS"},
    {"write-usr", "EROFS"},
    {"write-etc", "EROFS EACCES ENOENT"},
    {"write-run", "EROFS EACCES"},
    {"write-all-state", "EROFS EACCES ENOENT"},
    {"read-shadow", "ENOENT"},
    {"proc-sys", "ENOENT"},
    {"sys", "EACCES"},
    {"dev-mem", "ENOENT"},
    {"dev-kmsg", "ENOENT"},
    {"dev-fuse", "ENOENT"},
    {"dev-loop", "ENOENT"},
    {"dev-vhost", "ENOENT"},
    {"dev-disk", "ENOENT"},
    {"file-handle", "EPERM"},
    {"device-node", "EPERM"},
    // Another view of the system.
    {"unshare-user", "EPERM"},
    {"unshare-net", "EPERM"},
    {"unshare-mount", "EPERM"},
    {"clone-user", "EPERM"},
    {"setns", "EPERM"},
    {"mount", "EPERM"},
    {"umount", "EPERM"},
    {"pivot-root", "EPERM"},
    {"chroot", "EPERM"},
    {"personality", "EPERM"},
    // Another user, other rights.
    {"setuid", "EPERM"},
    {"setresuid", "EPERM"},
    {"setgroups", "EPERM"},
    {"capset", "EPERM"},
    {"raise-limit", "EPERM"},
    {"real-time", "EPERM"},
    {"lock-memory", "EPERM ENOMEM"},
    // The kernel.
    {"add-key", "EPERM"},
    {"request-key", "EPERM"},
    {"keyctl", "EPERM"},
    {"bpf", "EPERM"},
    {"perf", "EPERM"},
    {"userfaultfd", "EPERM"},
    {"fanotify", "EPERM"},
    {"module", "EPERM"},
    {"module-file", "EPERM"},
    {"module-unload", "EPERM"},
    {"kexec", "EPERM"},
    {"reboot", "EPERM"},
    {"swap", "EPERM"},
    {"host-name", "EPERM"},
    {"set-time", "EPERM"},
    {"set-clock", "EPERM"},
    {"adjust-clock", "EPERM"},
    {"kernel-log", "EPERM"},
    {"accounting", "EPERM"},
    {"quota", "EPERM"},
    {"io-ports", "EPERM"},
    {"io-level", "EPERM"},
    {"type-into-terminal", "EPERM"},
    {"terminal-selection", "EPERM"},
};

struct Kind {
    const char *name, *network;
    const char *rogue = "";  // of the hostile VM alone

    friend void PrintTo(const Kind &kind, std::ostream *out) { *out << kind.name; }
};

// What the host has, for a VM to find: a port of 127.0.0.1, and a socket without a file.
class HostSockets {
  public:
    HostSockets() {
        tcp_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto *any = reinterpret_cast<sockaddr *>(&address);
        EXPECT_EQ(bind(tcp_.get(), any, size), 0);
        EXPECT_EQ(listen(tcp_.get(), 16), 0);
        EXPECT_EQ(getsockname(tcp_.get(), any, &size), 0);
        port_ = ntohs(address.sin_port);

        abstract_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un unnamed{};
        unnamed.sun_family = AF_UNIX;
        kAbstract.copy(unnamed.sun_path + 1, kAbstract.size());
        EXPECT_EQ(bind(abstract_.get(), reinterpret_cast<sockaddr *>(&unnamed),
                       offsetof(sockaddr_un, sun_path) + 1 + kAbstract.size()),
                  0);
        EXPECT_EQ(listen(abstract_.get(), 16), 0);
    }
    int port() const { return port_; }
    static constexpr std::string_view kAbstract = "qemunit-test-abstract";

  private:
    UniqueFd tcp_, abstract_;
    int port_ = 0;
};

class RogueAttempts : public testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        const std::string qemu = kGuestDir + "/rogue-qemu";
        fs::copy_file(QEMUNIT_ROGUE_QEMU, qemu, fs::copy_options::overwrite_existing);
        fs::permissions(qemu, fs::perms(0755));
        if (GetParam().name == std::string("passt"))
            uplink_ = std::make_unique<Uplink>();
        peer_ = std::make_unique<VmUnderTest>(
            "rgpeer", boot_sector_ini() + network("peer") +
                          "[Drive secret]\nFile=secret.img\nSize=1M\n[VM]\nDisplay=vnc\n");
        ASSERT_TRUE(peer_->start().ok()) << peer_->status();
        qemu_ = peer_->main_pid();
        companion_ = peer_->companion();
    }
    void TearDown() override {
        peer_.reset();
        fs::remove_all("/var/lib/qemunit/rgpeer");
        fs::remove_all("/var/lib/qemunit/rogue");
    }

    // Of either VM.
    static std::string network(const std::string &vm) {
        std::string section = GetParam().network;
        if (const std::size_t at = section.find("TAP"); at != section.npos)
            section.replace(at, 3, "rgtap-" + vm);
        return section;
    }

    std::string rogue_ini(const std::string &manners) const {
        return fmt::format(
            "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\nQEMU={}/rogue-qemu\n"
            "Arguments=rogue:{} target:qemu={} target:companion={} target:vm={} target:tap={}\n"
            "Arguments=target:port={} target:abstract={} target:libexec={}\n{}",
            kGuestDir, manners, qemu_, companion_, peer_->name(),
            GetParam().name == std::string("bridge") ? "rgpeer-lan" : "rgtap-peer", host_.port(),
            HostSockets::kAbstract, kHelperPath.substr(0, kHelperPath.rfind('/')),
            network("own") + GetParam().rogue);
    }

    void expect_peer() {
        EXPECT_EQ(peer_->main_pid(), qemu_);
        EXPECT_EQ(peer_->companion(), companion_);
        EXPECT_EQ(unit_property(peer_->unit(), "ActiveState"), "active");
    }

    std::unique_ptr<Uplink> uplink_;
    HostSockets host_;
    std::unique_ptr<VmUnderTest> peer_;
    pid_t qemu_ = 0, companion_ = 0;
};

TEST_P(RogueAttempts, EachIsRefused) {
    VmUnderTest vm("rogue", rogue_ini("attempts"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::map<std::string, std::string> outcomes;
    std::istringstream lines(read_file("/var/lib/qemunit/rogue/attempts"));
    for (std::string attempt, outcome; lines >> attempt >> outcome;)
        outcomes.emplace(attempt, outcome);
    for (const auto &[attempt, errors] : kRefusals) {
        const auto outcome = outcomes.extract(attempt);
        ASSERT_FALSE(outcome.empty()) << attempt << " was not made";
        bool is_refused = false;
        std::istringstream allowed(errors);
        for (std::string error; allowed >> error;)
            is_refused |= outcome.mapped() == error;
        EXPECT_TRUE(is_refused) << attempt << ": " << outcome.mapped() << ", not " << errors;
    }
    for (const auto &[attempt, outcome] : outcomes)
        ADD_FAILURE() << attempt << ": " << outcome << " is expected nowhere";
    expect_peer();
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    EXPECT_EQ(unit_property(vm.unit(), "SubState"), "running");
    EXPECT_EQ(unit_property(vm.unit(), "StatusText").find("taken over"), std::string::npos);
    EXPECT_EQ(journalctl(vm.unit()).find("forged"), std::string::npos);
}

TEST_P(RogueAttempts, WhoKillsAllThatItCanEndsItselfAlone) {
    VmUnderTest vm("rogue", rogue_ini("killer"));
    EXPECT_FALSE(vm.start().ok());
    expect_peer();
}

INSTANTIATE_TEST_SUITE_P(
    Networks, RogueAttempts,
    testing::Values(Kind{"none", ""}, Kind{"none_of_a_user", "", "[VM]\nUser=games\n"},
                    Kind{"user", "[Network lan]\n"}, Kind{"passt", "[Network lan]\nType=passt\n"},
                    Kind{"tap", "[Network lan]\nType=tap\nInterface=TAP\n"},
                    Kind{"bridge", "[Network lan]\nType=bridge\nBridge=rgbr0\n"}),
    [](const auto &kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace qemunit::e2e
