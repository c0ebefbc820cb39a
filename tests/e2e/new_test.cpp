// SPDX-License-Identifier: MIT
//
// `qemunitctl new`, from an image to a guest that runs, and what is left where that fails.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>

#include "common/unique_fd.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/made_vm.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kMachine[] = " --memory=64M --ssh-key= ";

// The boot sector, in a qcow2 whose name says something else.
class BaseImage {
  public:
    explicit BaseImage(std::string path = "/srv/new-base.iso") : path_(std::move(path)) {
        const Finished made = run(
            {"qemu-img", "convert", "-f", "raw", "-O", "qcow2", kGuestDir + "/console.img", path_});
        EXPECT_TRUE(made.ok()) << made;
        fs::permissions(path_, fs::perms(0644));
    }
    ~BaseImage() { fs::remove(path_); }
    BaseImage(const BaseImage &) = delete;
    BaseImage &operator=(const BaseImage &) = delete;
    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

void expect_guest(const std::string &vm) {
    Terminal console({"qemunitctl", "console", vm});
    const auto seen = console.read_until(kGuestReady);
    EXPECT_TRUE(seen) << seen.error().message;
}

TEST(New, MakesAVmThatIsALayerOnAFile) {
    const BaseImage base;
    const MadeVm vm("newlayer");
    const Finished dry = vm.make(base.path() + kMachine + "--dry-run");
    EXPECT_TRUE(dry.ok() && dry.says("BackingFile=" + base.path())) << dry;
    EXPECT_FALSE(fs::exists(vm.ini_path()));

    const Finished made = vm.make(base.path() + kMachine + "--size=16M --start");
    ASSERT_TRUE(made.ok()) << made << run({"systemctl", "status", vm.unit()});
    expect_contains(made.output, "Made newlayer: /etc/qemunit/newlayer.ini");
    expect_contains(made.output, "a layer on " + base.path() + " (qcow2)");
    expect_contains(made.output, "\n  qemunitctl ssh newlayer\n  qemunitctl console newlayer\n");
    expect_guest("newlayer");
    const Finished info = run({"qemu-img", "info", "-U", vm.state() + "/root.qcow2"});
    expect_contains(info.output, "backing file: " + base.path());
    expect_contains(info.output, "virtual size: 16 MiB");
    const Finished checked = ctl("check newlayer");
    EXPECT_TRUE(checked.ok()) << checked;
}

TEST(New, MakesAVmThatIsACopyOfAFile) {
    const BaseImage base;
    const MadeVm vm("newcopy");
    const Finished made = vm.make(base.path() + kMachine + "--full-copy --size=16M");
    ASSERT_TRUE(made.ok()) << made;
    expect_contains(made.output, "systemctl daemon-reload && systemctl start qemu@newcopy");
    fs::remove(base.path());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    const Finished started = run({"systemctl", "start", vm.unit()});
    ASSERT_TRUE(started.ok()) << run({"systemctl", "status", vm.unit()});
    expect_guest("newcopy");
    const Finished info = run({"qemu-img", "info", "-U", vm.state() + "/root.qcow2"});
    EXPECT_FALSE(info.says("backing file")) << info;
    expect_contains(info.output, "virtual size: 16 MiB");
}

TEST(New, InstallsFromACd) {
    const std::string cd = "/srv/new-cd.qcow2";  // the name says something else
    std::string iso(64 * 1024, '\0');
    iso.replace(0x8001, 5, "CD001");
    write_file(cd, iso);
    const MadeVm vm("newcd");
    const Finished made = vm.make(cd + " --install --memory=64M --size=16M --start");
    ASSERT_TRUE(made.ok()) << made << run({"systemctl", "status", vm.unit()});
    const std::string blocks = monitor_command("newcd", "info block").value;
    expect_contains(blocks, "root (qemunit-image-root)");
    expect_contains(blocks, "cd (qemunit-image-cd)");
    EXPECT_TRUE(fs::is_socket(vm.state() + "/vnc.sock"));
    const MadeVm other("newnocd");
    const Finished refused = other.make(kGuestDir + "/console.img --install");
    EXPECT_TRUE(refused.status == 1 && refused.says("--install needs an image of a CD")) << refused;
    const Finished login = other.make(cd + " --login=joe");
    EXPECT_TRUE(login.status == 1 && login.says("is a CD, whose installer asks")) << login;
    EXPECT_FALSE(fs::exists(other.ini_path()));
    fs::remove(cd);
}

TEST(New, TouchesNothingThatIsThere) {
    const BaseImage base;
    const MadeVm vm("newtaken");
    write_file(vm.ini_path(), "# mine\n");
    const Finished taken = vm.make(base.path() + kMachine + "--full-copy");
    EXPECT_EQ(taken.status, 1);
    EXPECT_EQ(trimmed(taken.output),
              "qemunitctl: there is a VM 'newtaken' already, /etc/qemunit/newtaken.ini; choose "
              "another name");
    EXPECT_EQ(vm.ini(), "# mine\n");
    EXPECT_FALSE(fs::exists(vm.state()));
    // Of an earlier VM of that name, whose disk this one would boot.
    fs::remove(vm.ini_path());
    fs::create_directories(vm.state());
    write_file(vm.state() + "/root.qcow2", "old");
    for (const char *more : {"", "--full-copy"}) {
        const Finished left = vm.make(base.path() + kMachine + more);
        EXPECT_TRUE(left.status == 1 && left.says("root.qcow2 is left of an earlier VM")) << left;
        EXPECT_FALSE(fs::exists(vm.ini_path()));
        EXPECT_EQ(read_file(vm.state() + "/root.qcow2"), "old");
    }
}

// Until the process waits in flock(2).
bool wait_until_waiting_for_lock(pid_t pid) {
    for (const Deadline deadline; !deadline.passed();) {
        std::istringstream locks(read_file("/proc/locks"));
        for (std::string line; std::getline(locks, line);)
            if (line.find("-> FLOCK") != line.npos &&
                line.find(" " + std::to_string(pid) + " ") != line.npos)
                return true;
    }
    return false;
}

class Tmpfs {
  public:
    Tmpfs(std::string path, const std::string &options) : path_(std::move(path)) {
        fs::create_directories(path_);
        const Finished mounted = run({"mount", "-t", "tmpfs", "-o", options, "none", path_});
        EXPECT_TRUE(mounted.ok()) << mounted;
    }
    ~Tmpfs() { EXPECT_TRUE(run({"umount", path_}).ok()); }
    Tmpfs(const Tmpfs &) = delete;
    Tmpfs &operator=(const Tmpfs &) = delete;

  private:
    std::string path_;
};

TEST(New, LeavesNothingOnAFullDisk) {
    const BaseImage base;
    {
        const MadeVm vm("newfull");
        const Tmpfs small(vm.state(), "size=4m");
        const Finished made = vm.make(base.path() + kMachine + "--full-copy");
        EXPECT_TRUE(made.status == 1 && made.says("a copy of " + base.path() + " needs ") &&
                    made.says("without --full-copy, the disk is a layer"))
            << made;
        EXPECT_TRUE(fs::is_empty(vm.state()));
        EXPECT_FALSE(fs::exists(vm.ini_path()));
    }
    const MadeVm vm("newfuller");
    const Tmpfs full("/etc/qemunit", "size=4k,mode=755");
    write_file("/etc/qemunit/filler", std::string(4096, 'x'));
    const Finished made = vm.make(base.path() + kMachine + "--full-copy");
    EXPECT_TRUE(made.status == 1 &&
                made.says("cannot write /etc/qemunit/newfuller.ini: No space left on device"))
        << made;
    EXPECT_EQ(std::distance(fs::directory_iterator("/etc/qemunit"), fs::directory_iterator()), 1);
    EXPECT_FALSE(fs::exists(vm.state()));
}

// Killed when the disk is copied, and nothing has a name yet.
TEST(New, LeavesNothingWhenItIsInterrupted) {
    const BaseImage base;
    const UniqueFd lock(open("/run/qemunit-new.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
    const MadeVm vm("newint");
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
        Terminal terminal(
            {"qemunitctl", "new", "newint", base.path(), "--full-copy", "--ssh-key="});
        ASSERT_TRUE(wait_until_waiting_for_lock(terminal.pid()));
        kill(terminal.pid(), signal);
        EXPECT_NE(terminal.wait(), 0);
        EXPECT_FALSE(fs::exists(vm.ini_path()));
        std::error_code none;
        EXPECT_TRUE(!fs::exists(vm.state()) || fs::is_empty(vm.state(), none));
        EXPECT_TRUE(signal == SIGKILL || !fs::exists(vm.state()));
    }
    ASSERT_EQ(flock(lock.get(), LOCK_UN), 0);
    EXPECT_TRUE(vm.make(base.path() + kMachine + "--full-copy").ok());
}

TEST(New, AsksTheGeneratorFirst) {
    const BaseImage base;
    const MadeVm vm("newbad");
    const Finished made =
        vm.make(base.path() + kMachine + "--architecture=arm --firmware=uefi-secure --full-copy");
    EXPECT_TRUE(made.status == 1 && made.says("such a VM could not start:\nnewbad.ini:")) << made;
    EXPECT_FALSE(fs::exists(vm.ini_path()) || fs::exists(vm.state()));
}

TEST(New, NotOnTheDiskOfAnotherVm) {
    const BaseImage base;
    const MadeVm first("newfirst"), second("newsecond");
    ASSERT_TRUE(first.make(base.path() + kMachine + "--full-copy").ok());
    const Finished made = second.make(first.state() + "/root.qcow2" + kMachine);
    EXPECT_TRUE(made.status == 1 && made.says("is the disk of the VM 'newfirst'") &&
                made.says("qemunitctl clone newfirst newsecond"))
        << made;
    EXPECT_FALSE(fs::exists(second.ini_path()));
}

// At once, they find a name and a port each.
TEST(New, SeveralAtOnceHavePortsOfTheirOwn) {
    const BaseImage base;
    const MadeVm a("newone"), b("newtwo"), c("newthree");
    const Finished all = run({"sh", "-c",
                              "for vm in newone newtwo newthree newone; do qemunitctl new $vm " +
                                  base.path() + kMachine + "& done; wait"});
    EXPECT_TRUE(all.says("there is a VM 'newone' already") || all.says("File exists")) << all;
    std::set<std::string> ports;
    for (const MadeVm *vm : {&a, &b, &c}) {
        const std::string ini = vm->ini();
        const std::size_t at = ini.find("HostForward=");
        ASSERT_NE(at, ini.npos) << all;
        ports.insert(ini.substr(at, ini.find('\n', at) - at));
    }
    EXPECT_EQ(ports.size(), 3u);
}

TEST(New, OfAUser) {
    const UserSession user("joe");
    const BaseImage base;
    user.write(user.home() + "/.ssh/id_ed25519.pub",
               "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4h3kqk1vQ3mX0o0m8kzq0f3v0y2mJ1m9l2p5mX0000 "
               "joe@host\n");
    const Finished not_root = user.run_words("qemunitctl new vm1 " + base.path());
    EXPECT_TRUE(not_root.status == 1 && not_root.says("VMs of the system are root's to make"))
        << not_root;
    for (const std::string more : {"", " --full-copy --size=16M"}) {
        const std::string name = more.empty() ? "vm1" : "vm2";
        const Finished made = user.run_words("qemunitctl --user new " + name + " " + base.path() +
                                             " --memory=64M --start" + more);
        ASSERT_TRUE(made.ok()) << made << user.journalctl("qemu@" + name + ".service");
        EXPECT_TRUE(made.says("login    joe, with 1 ssh key")) << made;
        EXPECT_TRUE(made.says("qemunitctl --user ssh " + name)) << made;
        const Finished info = user.call_vm(name, {"MonitorCommand", "s", "info block"});
        EXPECT_TRUE(info.says("root (qemunit-image-root)")) << info;
        EXPECT_TRUE(user.call_vm(name, {"Quit"}).ok());
        EXPECT_TRUE(user.reaches_state("qemu@" + name + ".service", "inactive"));
    }
}

}  // namespace
}  // namespace qemunit::e2e
