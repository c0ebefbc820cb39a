// SPDX-License-Identifier: MIT
//
// What runs as root for a VM against what its user lays out: a test for each row of the table in
// HACKING.md, "Privileged steps".
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "tests/e2e/bus.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

void give(const std::string &path, const std::string &user) {
    const Finished given = run({"chown", "--no-dereference", user + ":", path});
    EXPECT_TRUE(given.ok()) << given;
}

// A folder that belongs to a user, as the state directory of a VM does; gone at the end.
class FolderOf {
  public:
    FolderOf(const std::string &user, std::string path) : path_(std::move(path)) {
        fs::remove_all(path_);
        fs::create_directories(path_);
        give(path_, user);
    }
    ~FolderOf() { fs::remove_all(path_); }
    FolderOf(const FolderOf &) = delete;
    FolderOf &operator=(const FolderOf &) = delete;
    std::string operator/(const std::string &name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

// A person with VMs of the system, by User=.
class Person {
  public:
    explicit Person(std::string name) : name_(std::move(name)) {
        const Finished made = run({"useradd", "--create-home", name_});
        EXPECT_TRUE(made.ok()) << made;
    }
    ~Person() { run({"userdel", "--remove", "--force", name_}); }
    Person(const Person &) = delete;
    Person &operator=(const Person &) = delete;
    std::string home() const { return "/home/" + name_; }
    const std::string &name() const { return name_; }
    Finished may(const std::vector<std::string> &command) const {
        std::vector<std::string> words{"runuser", "-u", name_, "--"};
        words.insert(words.end(), command.begin(), command.end());
        return run(words);
    }

  private:
    std::string name_;
};

pid_t main_pid_of(const std::string &unit) {
    return static_cast<pid_t>(std::atoi(unit_property(unit, "MainPID").c_str()));
}

std::string journal_of(const VmUnderTest &vm) {
    run_words("journalctl --sync");
    return journalctl(vm.unit());
}

const std::string kSecret = "/etc/qemunit-test-secret";

class PrivilegedSteps : public ::testing::Test {
  protected:
    void SetUp() override {
        write_file(kSecret, "a secret of root's");
        fs::permissions(kSecret, fs::perms(0600));
    }
    void TearDown() override { fs::remove(kSecret); }
};

std::string share_ini(const std::string &path) {
    return boot_sector_ini() + "[Share src]\nType=virtiofs\nPath=" + path + "\n";
}

TEST_F(PrivilegedSteps, AShareThatBecameALinkIsNotServed) {
    FolderOf state("qemunit", "/var/lib/qemunit/psshare");
    fs::create_directories(state / "share");
    write_file(state / "share/hello", "hello");
    VmUnderTest vm("psshare", share_ini(state / "share"));
    const std::string server = "qemu-virtiofs@psshare:src.service";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(read_file("/proc/" + std::to_string(main_pid_of(server)) + "/root/hello"), "hello");
    ASSERT_TRUE(vm.stop().ok());

    fs::rename(state / "share", state / "old");
    fs::create_symlink("/", state / "share");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(unit_property(server, "ActiveState"), "active");
    EXPECT_NE(journal_of(vm).find("'share' in it is no real folder"), std::string::npos)
        << vm.status();
}

// Exchanges two names, as fast as it can, until it is gone.
class Exchange {
  public:
    Exchange(std::string one, std::string other)
        : thread_([this, one = std::move(one), other = std::move(other)] {
              while (!is_over_)
                  renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
          }) {}
    ~Exchange() {
        is_over_ = true;
        thread_.join();
    }
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

  private:
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
};

// However fast the user is: what was looked at is what is served, and read.
TEST_F(PrivilegedSteps, NobodyIsFastEnough) {
    FolderOf state("qemunit", "/var/lib/qemunit/psrace");
    fs::create_directories(state / "share");
    write_file(state / "share/hello", "hello");
    fs::create_symlink("/", state / "share2");
    write_file(state / "key", "of the VM");
    give(state / "key", "qemunit");
    fs::create_symlink(kSecret, state / "key2");
    VmUnderTest vm("psrace",
                   share_ini(state / "share") + "[Credential key]\nFile=" + (state / "key") + "\n");
    int started = 0;
    for (int round = 0; round < 12; ++round) {
        {
            Exchange shares(state / "share", state / "share2"), keys(state / "key", state / "key2");
            if (!vm.start().ok())
                continue;
        }
        ++started;
        const std::string root =
            "/proc/" + std::to_string(main_pid_of("qemu-virtiofs@psrace:src.service")) + "/root";
        EXPECT_EQ(read_file(root + "/hello"), "hello");
        EXPECT_FALSE(fs::exists(root + "/etc"));
        EXPECT_EQ(read_file("/run/credentials/qemu@psrace.service/key"), "of the VM");
        ASSERT_TRUE(vm.stop().ok());
    }
    RecordProperty("started", started);
}

TEST_F(PrivilegedSteps, ALinkOfRootsToAShareIsFollowed) {
    FolderOf real("root", "/srv/ps real, 100%");
    write_file(real / "hello", "hello");
    fs::remove("/srv/pslink");
    fs::create_symlink("ps real, 100%", "/srv/pslink");
    VmUnderTest vm("pslink", share_ini("/srv/pslink"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const pid_t server = main_pid_of("qemu-virtiofs@pslink:src.service");
    const std::string root = "/proc/" + std::to_string(server) + "/root";
    EXPECT_EQ(read_file(root + "/hello"), "hello");
    EXPECT_FALSE(fs::exists(root + "/etc"));
    // Nothing that qemunit-share needed is left to virtiofsd.
    const std::string status = read_file("/proc/" + std::to_string(server) + "/status");
    const std::size_t bounding = status.find("CapBnd:\t");
    ASSERT_NE(bounding, std::string::npos);
    EXPECT_EQ(std::stoull(status.substr(bounding + 8, 16), nullptr, 16) & (1u << 21), 0u) << status;
    EXPECT_EQ(read_file("/proc/" + std::to_string(server) + "/mountinfo").find("/run/qemunit-host"),
              std::string::npos);
    fs::remove("/srv/pslink");
}

TEST_F(PrivilegedSteps, AShareInAHomeIsServed) {
    Person bob("psbob");
    fs::create_directory(bob.home() + "/share");
    give(bob.home() + "/share", bob.name());
    VmUnderTest vm("pshome", share_ini(bob.home() + "/share") + "[VM]\nUser=psbob\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    fs::remove(bob.home() + "/share");
    fs::create_symlink("/etc", bob.home() + "/share");
    EXPECT_FALSE(vm.start().ok());
}

TEST_F(PrivilegedSteps, ACredentialIsReadWithTheRightsOfTheUser) {
    FolderOf state("qemunit", "/var/lib/qemunit/pscred");
    const auto ini = [](const std::string &file) {
        return boot_sector_ini() + "[Credential key]\nFile=" + file + "\n";
    };
    const std::string loaded = "/run/credentials/qemu@pscred.service/key";
    VmUnderTest vm("pscred", ini("key"));
    write_file(state / "key", "of the VM");
    give(state / "key", "qemunit");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(read_file(loaded), "of the VM");
    write_file(state / "key", "another one");
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    EXPECT_EQ(read_file(loaded), "another one");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-credential@pscred.service", "inactive"));
    EXPECT_FALSE(fs::exists("/run/qemunit-credentials/pscred"));

    fs::remove(state / "key");
    fs::create_symlink(kSecret, state / "key");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(journal_of(vm).find("cannot take credential 'key'"), std::string::npos)
        << vm.status();
    fs::remove(state / "key");
    // What root names in a place of root's is meant.
    write_file(vm.ini_path(), ini(kSecret));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(read_file(loaded), "a secret of root's");
}

TEST_F(PrivilegedSteps, AReloadOpensNoCdThatTheUserCannot) {
    FolderOf state("qemunit", "/var/lib/qemunit/pscd");
    for (const char *name : {"a.iso", "b.iso"}) {
        write_file(state / name, std::string(1 << 20, 'x'));
        give(state / name, "qemunit");
    }
    const auto ini = [](const std::string &file) {
        return boot_sector_ini() + "[Drive cd]\nMedia=cdrom\nFile=" + file + "\n";
    };
    VmUnderTest vm("pscd", ini("a.iso"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), ini("b.iso"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_TRUE(vm.systemctl("reload").ok()) << vm.status();
    fs::create_symlink(kSecret, state / "c.iso");
    write_file(vm.ini_path(), ini("c.iso"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_FALSE(vm.systemctl("reload").ok());
    const Finished by_hand = run({"qemunitctl", "medium", "change", "pscd", "cd", state / "c.iso"});
    EXPECT_TRUE(!by_hand.ok() && by_hand.says("'c.iso' in it is no real folder or file"))
        << by_hand;
    for (const auto &entry :
         fs::directory_iterator("/proc/" + std::to_string(vm.main_pid()) + "/fd")) {
        std::error_code error;
        EXPECT_NE(fs::read_symlink(entry, error), kSecret);
    }
}

// As of a CD; a drive that comes is also written.
TEST_F(PrivilegedSteps, AReloadOpensNoDriveThatTheUserCannot) {
    FolderOf state("qemunit", "/var/lib/qemunit/psdrive");
    write_file(state / "own.img", std::string(1 << 20, 'x'));
    give(state / "own.img", "qemunit");
    fs::create_symlink(kSecret, state / "link.img");
    ASSERT_TRUE(run({"mkfifo", state / "fifo"}).ok());
    const auto ini = [](const std::string &drive) {
        return boot_sector_ini() + "[VM]\nMachine=pc\n" + drive;
    };
    VmUnderTest vm("psdrive", ini(""));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto reload_with = [&](const std::string &file) {
        write_file(vm.ini_path(), ini("[Drive data]\nFormat=raw\nFile=" + file + "\n"));
        EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
        return vm.systemctl("reload").ok();
    };
    for (const char *file : {"link.img", "fifo"})
        EXPECT_FALSE(reload_with(file)) << file;
    for (const auto &entry :
         fs::directory_iterator("/proc/" + std::to_string(vm.main_pid()) + "/fd")) {
        std::error_code error;
        EXPECT_NE(fs::read_symlink(entry, error), kSecret);
    }
    EXPECT_TRUE(reload_with("own.img")) << vm.status();
}

// QEMU's user may open none of them: qemunit-open does, as root.
TEST_F(PrivilegedSteps, AnImageIsNothingThatSomebodyHasLaidOnTheWay) {
    Person bob("psopen");
    ASSERT_TRUE(bob.may({"ln", "-s", kSecret, bob.home() + "/link.img"}).ok());
    ASSERT_TRUE(bob.may({"ln", "-s", "/etc", bob.home() + "/folder"}).ok());
    ASSERT_TRUE(bob.may({"mkfifo", bob.home() + "/fifo"}).ok());
    fs::create_hard_link(kSecret, bob.home() + "/../psopen-hard");
    fs::rename("/home/psopen-hard", bob.home() + "/hard.img");
    const std::string by_folder = bob.home() + "/folder/" + fs::path(kSecret).filename().string();
    const auto ini = [](const std::string &keys, const std::string &file) {
        return deaf_ini() + "Stop=quit\n" + keys + "[Drive root]\nReadOnly=yes\nFile=" + file +
               "\n";
    };
    VmUnderTest vm("psopen", ini("", bob.home() + "/link.img"));
    const auto expect_refused = [&](const std::string &keys, const std::string &file,
                                    const std::string &said) {
        write_file(vm.ini_path(), ini(keys, file));
        ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
        EXPECT_FALSE(vm.start().ok()) << file;
        EXPECT_NE(vm.status().output.find(said), std::string::npos) << said << vm.status();
    };
    expect_refused("", bob.home() + "/link.img", "'link.img' in it is no real folder or file");
    expect_refused("", by_folder, "'folder' in it is no real folder or file");
    expect_refused("", bob.home() + "/hard.img", "has 2 names");
    expect_refused("", bob.home() + "/fifo", "is neither a file nor a block device");
    for (const std::string &file : {bob.home() + "/link.img", by_folder, bob.home() + "/hard.img"})
        expect_refused("User=psopen\n", file, "Could not open '" + file + "': Permission denied");
    // What is the person's own, and what root has named in a place of root's.
    write_file(bob.home() + "/own.img", std::string(1 << 20, 'x'));
    give(bob.home() + "/own.img", bob.name());
    fs::permissions(bob.home() + "/own.img", fs::perms(0600));
    for (const std::string keys : {"", "User=psopen\n"})
        for (const std::string &file : {bob.home() + "/own.img", kSecret}) {
            write_file(vm.ini_path(), ini(keys, file));
            ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
            EXPECT_TRUE(vm.start().ok()) << file << vm.status();
            EXPECT_TRUE(vm.stop().ok());
        }
}

std::string nine_p_ini(const std::string &keys, const std::string &path) {
    return boot_sector_ini() + keys + "[Share src]\nType=9p\nPath=" + path + "\n";
}

// From such a descriptor, ".." leads out of the sandbox.
void expect_no_folders_of_the_host(pid_t pid) {
    const std::string process = "/proc/" + std::to_string(pid);
    const std::string mounts = "\n" + read_file(process + "/mountinfo");
    for (const auto &entry : fs::directory_iterator(process + "/fd")) {
        std::error_code error;
        if (!fs::is_directory(entry, error))
            continue;
        const std::string info = read_file(process + "/fdinfo/" + entry.path().filename().string());
        const std::size_t id = info.find("mnt_id:\t") + 8;
        EXPECT_NE(mounts.find("\n" + info.substr(id, info.find('\n', id) - id) + " "),
                  std::string::npos)
            << fs::read_symlink(entry, error);
    }
}

// PID 1 mounts what the path leads to; QEMU is started only if that is what the user can reach.
TEST_F(PrivilegedSteps, AMountIsNothingThatItsUserCannotReach) {
    Person bob("psmount");
    FolderOf hidden("root", "/srv/psmount");
    fs::create_directory(hidden / "inner");
    write_file(hidden / "inner/hello", "not for all");
    fs::permissions("/srv/psmount", fs::perms(0700));
    const std::string share = bob.home() + "/share";
    ASSERT_TRUE(bob.may({"mkdir", share}).ok());
    ASSERT_TRUE(bob.may({"ln", "-s", hidden / "inner", bob.home() + "/link"}).ok());
    write_file(share + "/hello", "hello");
    const std::string often = "[Unit]\nStartLimitIntervalSec=0\n";
    VmUnderTest vm("psmount", nine_p_ini(often + "[VM]\nUser=psmount\n", share));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto seen = [&] {
        return read_file("/proc/" + std::to_string(vm.main_pid()) + "/root" + share + "/hello");
    };
    EXPECT_EQ(seen(), "hello");
    expect_no_folders_of_the_host(vm.main_pid());
    ASSERT_TRUE(vm.stop().ok());

    for (int round = 0; round < 8; ++round) {
        bool started = false;
        {
            Exchange exchange(share, bob.home() + "/link");
            started = vm.start().ok();
        }
        if (started) {
            EXPECT_EQ(seen(), "hello");
            ASSERT_TRUE(vm.stop().ok());
        }
    }

    std::error_code error;
    if (!fs::is_symlink(share, error)) {
        ASSERT_EQ(renameat2(AT_FDCWD, share.c_str(), AT_FDCWD, (bob.home() + "/link").c_str(),
                            RENAME_EXCHANGE),
                  0);
    }
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(journal_of(vm).find("cannot open " + share + " as user 'psmount'"), std::string::npos)
        << vm.status();
    // Where the person may go, links count.
    fs::permissions("/srv/psmount", fs::perms(0755));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(seen(), "not for all");
    ASSERT_TRUE(vm.stop().ok());

    // A user of the VM's own can go nowhere.
    write_file(vm.ini_path(), nine_p_ini(often, share));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(journal_of(vm).find("'share' in it is no real folder"), std::string::npos)
        << vm.status();
    // What [Service] puts there is what is meant.
    write_file(
        vm.ini_path(),
        nine_p_ini(often + "[Service]\nBindPaths=/srv/psmount/inner:" + share + "\n", share));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
}

TEST_F(PrivilegedSteps, AKernelIsNothingThatSomebodyHasLaidOnTheWay) {
    Person bob("pskernel");
    ASSERT_TRUE(bob.may({"ln", "-s", kSecret, bob.home() + "/vmlinuz"}).ok());
    VmUnderTest vm("pskernel", boot_sector_ini() + "[Boot]\nKernel=" + bob.home() + "/vmlinuz\n");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(journal_of(vm).find("'vmlinuz' in it is no real folder or file"), std::string::npos)
        << vm.status();
}

TEST_F(PrivilegedSteps, ImagesAreMadeInNoPlaceThatTheUserLinks) {
    FolderOf state("qemunit", "/var/lib/qemunit/psimage"), elsewhere("root", "/srv/pselsewhere");
    fs::create_symlink("/srv/pselsewhere", state / "disks");
    fs::create_symlink("/srv/pselsewhere/made.img", state / "dangling.img");
    {
        VmUnderTest vm("psimage", boot_sector_ini() + "[Drive a]\nFile=disks/a.img\nSize=1M\n");
        EXPECT_FALSE(vm.start().ok());
        EXPECT_NE(journal_of(vm).find("'disks' in it is no real folder"), std::string::npos)
            << vm.status();
    }
    VmUnderTest vm("psimage", boot_sector_ini() + "[Drive a]\nFile=dangling.img\nSize=1M\n");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_NE(journal_of(vm).find("is a link that leads nowhere"), std::string::npos)
        << vm.status();
    EXPECT_TRUE(fs::is_empty("/srv/pselsewhere"));
}

// systemd runs commands with a "+" there, as root: with a loader's configuration of the user's, if
// the user could put one in.
TEST_F(PrivilegedSteps, TheRootFolderOfAServiceIsRoots) {
    Person bob("psroot");
    VmUnderTest vm("psroot", boot_sector_ini() + "[VM]\nUser=psroot\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string root = unit_property(vm.unit(), "RootDirectory");
    for (std::string folder = root; folder.size() > 1; folder = fs::path(folder).parent_path()) {
        struct stat status {};
        ASSERT_EQ(stat(folder.c_str(), &status), 0) << folder;
        EXPECT_EQ(status.st_uid, 0u) << folder;
        EXPECT_EQ(status.st_mode & 022, 0u) << folder;
    }
    EXPECT_FALSE(bob.may({"mv", root + "/etc", root + "/etc.old"}).ok());
    EXPECT_FALSE(bob.may({"touch", root + "/etc/ld.so.preload"}).ok());
    EXPECT_TRUE(vm.systemctl("reload").ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
}

// Its state directory is made by PID 1, in the folder of the VM's user.
TEST_F(PrivilegedSteps, ATpmsFolderThatIsALinkChangesNothingElse) {
    FolderOf state("qemunit", "/var/lib/qemunit/pstpm"), elsewhere("root", "/srv/pstpm");
    write_file(elsewhere / "file", "root's");
    fs::create_symlink("/srv/pstpm", state / "tpm");
    VmUnderTest vm("pstpm", boot_sector_ini() + "[VM]\nTPM=yes\n");
    EXPECT_FALSE(vm.start().ok());
    struct stat status {};
    for (const char *path : {"/srv/pstpm", "/srv/pstpm/file"}) {
        ASSERT_EQ(stat(path, &status), 0);
        EXPECT_EQ(status.st_uid, 0u) << path;
    }
}

// From inside of what serves a VM: its own state and socket, and nothing of others.
void expect_nothing_of_others(pid_t pid, const std::vector<std::string> &own) {
    ASSERT_GT(pid, 0);
    for (const std::string &path : own)
        EXPECT_EQ(open_inside(pid, path, O_PATH), 0) << path;
    for (const char *path :
         {"/var/lib/qemunit/psother/disk.img", "/var/lib/qemunit/psother", "/srv/psother.img",
          "/run/qemunit/psother/monitor.sock", "/run/qemunit/psthis/monitor.sock",
          "/run/qemunit-tpm/psother/sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
          "/run/systemd/journal/socket", "/etc/qemunit", "/var/log"})
        EXPECT_EQ(open_inside(pid, path, O_PATH), ENOENT) << path;
    // The root folder of all VMs may have an empty one there, for what another VM has in a home.
    for (const std::string home : {"/home", "/root"}) {
        const std::string inside = home + "/psother";
        fs::create_directory(inside);
        EXPECT_NE(open_inside(pid, inside, O_PATH), 0) << inside;
        fs::remove(inside);
    }
    EXPECT_NE(open_inside(pid, "/usr/x", O_WRONLY | O_CREAT), 0);
    EXPECT_NE(open_inside(pid, "/x", O_WRONLY | O_CREAT), 0);
}

TEST_F(PrivilegedSteps, SwtpmAndPasstSeeNothingOfOthers) {
    FolderOf other_state("qemunit", "/var/lib/qemunit/psother");
    for (const std::string &disk : {other_state / "disk.img", std::string("/srv/psother.img")}) {
        write_file(disk, std::string(1 << 20, 'x'));
        give(disk, "qemunit");
    }
    Uplink uplink;
    VmUnderTest other("psother", boot_sector_ini() + "[VM]\nTPM=yes\n[Drive a]\nFile=disk.img\n");
    VmUnderTest vm("psthis", boot_sector_ini() +
                                 "[VM]\nTPM=yes\n[Network lan]\nType=passt\nHostForward=tcp:127.0."
                                 "0.1:10197-:80\n[Drive a]\nFile=own.img\nSize=1M\n");
    ASSERT_TRUE(other.start().ok()) << other.status();
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_nothing_of_others(main_pid_of("qemu-tpm@psthis.service"),
                             {"/var/lib/qemunit/psthis/tpm", "/run/qemunit-tpm/psthis/sock"});
    const pid_t passt = main_pid_of("qemu-passt@psthis:lan.service");
    // passt has even less: a root of its own.
    expect_nothing_of_others(passt, {});
    EXPECT_EQ(unit_property("qemu-passt@psthis:lan.service", "RootDirectory"),
              unit_property("qemu-tpm@psthis.service", "RootDirectory"));
    fs::remove("/srv/psother.img");
}

}  // namespace
}  // namespace qemunit::e2e
