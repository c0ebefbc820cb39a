// SPDX-License-Identifier: MIT
//
// `qemunitctl run`: a command in a VM of its own, how it ends, and that nothing is left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <sstream>

#include "common/unique_fd.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/runs.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

TEST(Run, HasTheInputTheOutputsAndTheStatusOfTheCommand) {
    const RunFolder folder;
    std::mt19937 random(std::random_device{}());
    std::string bytes(1 << 20, '\0');
    for (char &byte : bytes)
        byte = static_cast<char>(random());
    write_file("/srv/run/in", bytes);
    const auto before = traces_of_runs();
    const Finished done = folder.run(
        "--timeout=5min --env=ONE=1 -- sh -c 'cat; pwd >&2; echo $ONE$PATH >&2; echo x "
        ">/etc/written; "
        "cat /etc/written >&2; exit 7' <in >out 2>err");
    EXPECT_EQ(done.status, 7) << done << read_file("/srv/run/err");
    EXPECT_TRUE(read_file("/srv/run/out") == bytes);
    EXPECT_EQ(read_file("/srv/run/err"),
              "/srv/run\n1/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nx\n");
    EXPECT_FALSE(fs::exists("/etc/written"));
    EXPECT_EQ(units_of_runs(), "");
    expect_no_traces(before);
}

TEST(Run, ShowsTheGuestNothingThatIsRootsAlone) {
    const RunFolder folder;
    write_file("/srv/run/secret", "secret");
    fs::permissions("/srv/run/secret", fs::perms(0600));
    // Without the guest's own, what it has of this system's.
    const Finished done = folder.run(
        "-- sh -c 'cat secret; ls /root; umount -l /dev /sys /run /proc && ls -A /dev /proc /run "
        "/sys'");
    EXPECT_EQ(done.status, 0) << done;
    expect_contains(done.output, "cat: secret: Permission denied");
    expect_contains(done.output, "ls: cannot open directory '/root': Permission denied");
    expect_contains(done.output, "/dev:\n\n/proc:\n\n/run:\n\n/sys:\n");
}

TEST(Run, ShowsQEMUNothingToWriteIn) {
    kernel_words();
    Terminal terminal(
        {"sh", "-c", "exec qemunitctl run " + kernel_words() + " -- sh -c 'echo ready; read x'"});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    const std::string unit = units_of_runs().substr(0, units_of_runs().find(' '));
    const std::string qemu =
        trimmed(run({"systemctl", "show", "--value", "--property=MainPID", unit}).output);
    int folders = 0;
    for (const auto &entry : fs::directory_iterator("/proc/" + qemu + "/fd")) {
        std::error_code error;
        if (!fs::is_directory(entry.path(), error))
            continue;
        ++folders;
        const UniqueFd made(
            open((entry.path() / "tmp/written").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        EXPECT_FALSE(made) << entry.path();
        EXPECT_EQ(errno, EROFS) << entry.path();
    }
    EXPECT_EQ(folders, 2);  // what was handed over, and what QEMU has opened of it
    terminal.type("\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
}

// All that QEMU has open of the file tree: as often as there are folders of the guest, by what was
// handed over, and by what QEMU has opened of it.
void expect_nothing_above(const std::string &qemu, int folders_of_guest) {
    int folders = 0;
    for (const auto &entry : fs::directory_iterator("/proc/" + qemu + "/fd")) {
        struct stat here {
        }, above{};
        if (stat(entry.path().c_str(), &here) != 0 || !S_ISDIR(here.st_mode))
            continue;
        ++folders;
        for (const char *way : {"..", "../../..", "./../."}) {
            EXPECT_EQ(stat((entry.path() / way).c_str(), &above), 0) << entry.path() << way;
            EXPECT_EQ(above.st_ino, here.st_ino) << entry.path() << way;
            EXPECT_EQ(above.st_dev, here.st_dev) << entry.path() << way;
        }
    }
    EXPECT_EQ(folders, 2 * folders_of_guest);
}

constexpr char kFourFolders[] =
    " --share=rw --share=ro:ro --output=out -- sh -c 'echo ready; read x; echo $x >rw/typed'";

TEST(Run, ShowsQEMUNothingAboveItsFolders) {
    const RunFolder folder;
    for (const char *name : {"rw", "ro"})
        fs::create_directories(fs::path(RunFolder::kPath) / name);
    fs::permissions("/srv/run/rw", fs::perms(0777));
    Terminal terminal({"sh", "-c",
                       std::string("cd ") + RunFolder::kPath + " && exec qemunitctl run " +
                           kernel_words() + kFourFolders});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    const std::string unit = units_of_runs().substr(0, units_of_runs().find(' '));
    expect_nothing_above(
        trimmed(run({"systemctl", "show", "--value", "--property=MainPID", unit}).output), 4);
    terminal.type("x\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    EXPECT_EQ(read_file("/srv/run/rw/typed"), "x\n");
}

TEST(Run, ShowsQEMUOfAUserNothingAboveItsFolders) {
    const UserSession user("runabove");
    for (const char *name : {"/rw/file", "/ro/file"})
        user.write(user.home() + name, "");
    Terminal terminal({"runuser", "-u", user.name(), "--", "env", "--chdir=" + user.home(),
                       "HOME=" + user.home(), "XDG_RUNTIME_DIR=" + user.runtime_dir(),
                       "DBUS_SESSION_BUS_ADDRESS=unix:path=" + user.runtime_dir() + "/bus", "sh",
                       "-c", "exec qemunitctl run " + kernel_words() + kFourFolders});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    const std::string units =
        user.run_words("systemctl --user list-units --all --plain --no-legend qemu-run-*").output;
    expect_nothing_above(user.unit_property(units.substr(0, units.find(' ')), "MainPID"), 4);
    terminal.type("x\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    EXPECT_EQ(read_file(user.home() + "/rw/typed"), "x\n");
}

TEST(Run, SaysThatTheKernelPanicked) {
    const RunFolder folder;
    const Finished done = folder.run(
        "--output=out -- sh -c 'echo x >$QEMUNIT_OUTPUT/file; echo c >/proc/sysrq-trigger'");
    EXPECT_EQ(done.status, 120) << done;
    expect_contains(done.output, "qemunitctl run: the guest's kernel panicked (exit status 120)\n");
    expect_contains(done.output, "Kernel panic - not syncing: sysrq triggered crash");
    EXPECT_EQ(read_file("/srv/run/out/file"), "x\n");
    EXPECT_EQ(units_of_runs(), "");
}

TEST(Run, SaysThatTheGuestEndedFirst) {
    const RunFolder folder;
    const Finished done = folder.run("-- sh -c 'echo o >/proc/sysrq-trigger; sleep 1000'");
    EXPECT_EQ(done.status, 121) << done;
    expect_contains(done.output, "the guest ended before the command did (exit status 121)");
}

TEST(Run, EndsAtTheTimeLimit) {
    const RunFolder folder;
    const Finished done = folder.run("--timeout=2s -- sleep 1000");
    EXPECT_EQ(done.status, 124) << done;
    expect_contains(done.output, "the command had not ended after 2s (exit status 124)");
    EXPECT_EQ(units_of_runs(), "");
}

TEST(Run, SaysWhyTheVMDidNotStart) {
    const RunFolder folder;
    write_file("/srv/run/kernel", "no kernel");
    Finished done = folder.run("--kernel=kernel -- true");
    EXPECT_EQ(done.status, 125) << done;
    expect_contains(done.output, "qemunitctl run: the VM did not start (exit status 125)");
    expect_contains(done.output, "qemu");
    done = folder.run("--kernel=nosuch -- true");
    EXPECT_EQ(done.status, 125) << done;
    expect_contains(done.output,
                    "cannot read the kernel /srv/run/nosuch: No such file or directory");
    write_file("/srv/run/with.ini", "[Network lan]\n");
    done = folder.run("--ini=with.ini -- true");
    EXPECT_EQ(done.status, 125) << done;
    expect_contains(done.output, "[Network lan] has no place in a VM of `qemunitctl run`");
    done = folder.run("--console -- nosuch-command");
    EXPECT_EQ(done.status, 127) << done;
    expect_contains(done.output, "cannot run nosuch-command in the guest: No such file");
}

TEST(Run, GivesCtrlCToTheCommandAndEndsTheVMAtTheSecondOne) {
    kernel_words();
    Terminal terminal({"sh", "-c",
                       "exec qemunitctl run " + kernel_words() +
                           " -- sh -c 'trap \"echo caught\" INT; echo ready; while :; do sleep "
                           "1000 & wait; done'"});
    const auto ready = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(ready) << ready.error().message;
    terminal.type("\x03");
    ASSERT_SEEN(terminal, "caught");
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait(), 128 + SIGINT) << terminal.rest();
    EXPECT_EQ(units_of_runs(), "");
}

// Some come to their end, some are killed, each where it happens to be.
TEST(Run, LeavesNothingHoweverItEnds) {
    const auto before = traces_of_runs();
    constexpr int kRuns = 20;
    std::vector<pid_t> killed, ended;
    const std::string words = kernel_words();
    for (int i = 0; i < kRuns; ++i) {
        const pid_t child = fork();
        if (child == 0) {
            const std::string command =
                "exec qemunitctl run " + words + " --timeout=10s -- sleep 1000 >/dev/null 2>&1";
            execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
            _exit(127);
        }
        (i % 2 == 0 ? killed : ended).push_back(child);
    }
    // A unit more, and the next one dies: as they come up, and while their VMs run.
    std::set<std::string> seen;
    const Deadline deadline;
    for (std::size_t next = 0; next < killed.size() && !deadline.passed();) {
        std::istringstream lines(units_of_runs());
        for (std::string line; std::getline(lines, line);)
            seen.insert(line.substr(0, line.find(' ')));
        for (; next < killed.size() && next < seen.size(); ++next)
            kill(killed[next], SIGKILL);
    }
    EXPECT_GE(seen.size(), killed.size());
    for (const pid_t child : killed) {
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFSIGNALED(status)) << status;
    }
    for (const pid_t child : ended) {
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(WEXITSTATUS(status), 124);
    }
    expect_no_unit();
    expect_no_traces(before);
}

TEST(Run, IsForOrdinaryUsers) {
    const UserSession user("runner");
    user.write(user.home() + "/mine", "of the user\n");
    fs::permissions(user.home() + "/mine", fs::perms(0600));
    fs::create_directories("/srv/runshare");
    fs::permissions("/srv/runshare", fs::perms(0777));
    const Finished done =
        user.run({"sh", "-c",
                  "qemunitctl run " + kernel_words() +
                      " --share=/srv/runshare -- sh -c 'cat mine; cat /etc/shadow; echo made "
                      ">/srv/runshare/file; echo x >/home/runner/written; exit 3'"},
                 "", Deadline(kRunPatience));
    EXPECT_EQ(done.status, 3) << done;
    expect_contains(done.output, "of the user\n");
    expect_contains(done.output, "cat: /etc/shadow: Permission denied");
    EXPECT_EQ(read_file("/srv/runshare/file"), "made\n");
    EXPECT_FALSE(fs::exists(user.home() + "/written"));
    EXPECT_EQ(
        user.run_words("systemctl --user list-units --all --plain --no-legend qemu-run-*").output,
        "");
    fs::remove_all("/srv/runshare");
}

TEST(Run, KeepsWhatTheGuestWritesForIt) {
    const RunFolder folder;
    fs::create_directories("/srv/run/out/old");
    write_file("/srv/run/out/file", "before");
    const Finished done = folder.run(
        "--output=out --events=events -- sh -c 'cd $GCOV_PREFIX; ls -A; echo now >file; "
        "mkdir -p old/new; echo deep >old/new/file; ln -s /etc/passwd link; mkfifo fifo; "
        "stat -f -c %c . >files; "
        "echo one >$QEMUNIT_EVENTS; echo two >>$QEMUNIT_EVENTS; "
        "[ $QEMUNIT_OUTPUT = $GOCOVERDIR ] && exit 4'");
    EXPECT_EQ(done.status, 4) << done;
    EXPECT_EQ(read_file("/srv/run/out/file"), "now\n");
    EXPECT_EQ(read_file("/srv/run/out/files"), "65536\n");
    EXPECT_EQ(read_file("/srv/run/out/old/new/file"), "deep\n");
    EXPECT_FALSE(fs::exists(fs::symlink_status("/srv/run/out/link")));
    EXPECT_FALSE(fs::exists("/srv/run/out/fifo"));
    EXPECT_EQ(read_file("/srv/run/events"), "one\ntwo\n");
}

TEST(Run, HasPlacesForWhatNobodyWants) {
    const RunFolder folder;
    const Finished done = folder.run(
        "-- sh -c 'echo x >$QEMUNIT_OUTPUT/file && echo y >$QEMUNIT_EVENTS && "
        "cat $QEMUNIT_OUTPUT/file'");
    EXPECT_TRUE(done.ok()) << done;
    expect_contains(done.output, "x\n");
}

// In a folder that the guest can write in.
TEST(Run, WritesItsReportIntoNoFileThatTheGuestHasLinkedThere) {
    const UserSession user("runlinks");
    user.write(user.home() + "/mine", "of the user\n");
    const auto run_in_home = [&](const std::string &words) {
        return user.run({"sh", "-c", "qemunitctl run " + kernel_words() + " " + words});
    };
    const Finished done = run_in_home(
        "--output=out --junit=out/report --events=out/events -- sh -c 'cd "
        "$QEMUNIT_OUTPUT; ln -s ../mine report; ln -s ../mine events'");
    EXPECT_EQ(done.status, 0) << done;
    EXPECT_FALSE(fs::is_symlink(user.home() + "/out/report"));
    expect_contains(read_file(user.home() + "/out/report"), "tests=\"1\" failures=\"0\"");
    // Nor does it leave one for the next run. Somebody else may have.
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(user.home() + "/out/events")));
    EXPECT_TRUE(user.run({"ln", "-sf", "../mine", user.home() + "/out/events"}).ok());
    const Finished again = run_in_home("--output=out --events=out/events -- true");
    EXPECT_EQ(again.status, 125) << again;
    expect_contains(again.output, "out/events: it is a link; name what it leads to");
    EXPECT_EQ(read_file(user.home() + "/mine"), "of the user\n");
}

TEST(Run, HasTheFileSystemOfAnImageAsItsRoot) {
    const RunFolder folder;
    const Finished made =
        run({"sh", "-c",
             "cd /srv/run && mkdir -p tree/usr tree/bin && cp /bin/busybox tree/bin/ && ln -s "
             "busybox tree/bin/sh && "
             "mke2fs -q -t ext4 -d tree raw 64M && qemu-img convert -O qcow2 raw image && rm raw"});
    ASSERT_TRUE(made.ok()) << made;
    fs::permissions("/srv/run/image", fs::perms(0600));
    const auto before = run({"sha256sum", "/srv/run/image"}).output;
    const Finished done = folder.run(
        "--image=image -- /bin/sh -c 'echo x >/usr/made && /bin/busybox ls / /usr; exit 5'");
    EXPECT_EQ(done.status, 5) << done;
    expect_contains(done.output, "made");
    EXPECT_EQ(run({"sha256sum", "/srv/run/image"}).output, before);
}

TEST(Run, WaitsForADebuggerOnASocketThatGoesWithIt) {
    Terminal terminal({"sh", "-c", "exec qemunitctl run " + kernel_words() + " --gdb -- true"});
    ASSERT_SEEN(terminal, "target remote ");
    const auto rest = terminal.read_until("'");
    ASSERT_TRUE(rest) << rest.error().message;
    const std::string path = rest->substr(0, rest->size() - 1);
    EXPECT_TRUE(path.starts_with("/run/qemunit-run-") && fs::is_socket(path)) << path;
    kill(terminal.pid(), SIGKILL);
    EXPECT_TRUE(wait_until_gone(path));
    expect_no_unit();
}

TEST(Run, IsForUsersWithoutNamespaces) {
    const UserSession user("runplain", UserSession::MakesNamespaces::no);
    user.write(user.home() + "/mine", "of the user\n");
    const Finished done = user.run(
        {"sh", "-c",
         "qemunitctl run " + kernel_words() + " -- sh -c 'cat mine; echo x >mine; exit 3'"});
    EXPECT_EQ(done.status, 3) << done;
    expect_contains(done.output, "of the user\n");
    expect_contains(done.output,
                    "the user's systemd cannot start the VM with namespaces; it runs without that "
                    "part of the sandbox (journalctl --user -u qemu-run-boxed-");
    EXPECT_EQ(read_file(user.home() + "/mine"), "of the user\n");
}

TEST(Run, SaysThatQEMUAloneKeepsTheGuestOut) {
    const UserSession user("runbare", UserSession::MakesNamespaces::no);
    user.write(user.home() + "/mine", "of the user\n");
    // As the manager's child, `run` has no namespaces either.
    const Finished done =
        user.run({"systemd-run", "--user", "--quiet", "--wait", "--pipe", "--collect",
                  "--working-directory=" + user.home(), "sh", "-c",
                  "exec qemunitctl run " + kernel_words() + " --share=" + user.home() +
                      ":ro -- sh -c 'cat mine; exit 3'"});
    EXPECT_EQ(done.status, 3) << done;
    expect_contains(done.output, "of the user\n");
    const std::string notice =
        "qemunitctl run: without namespaces (Operation not permitted), QEMU alone keeps the guest "
        "from what this user may read and write\n";
    expect_contains(done.output, notice);
    EXPECT_EQ(done.output.find(notice), done.output.rfind(notice)) << done;
}

// Begins as a kernel does (Documentation/arch/x86/boot.rst), and has a triple fault at once.
std::string kernel_that_resets() {
    std::string bytes(16 << 10, '\0');
    const auto put = [&](std::size_t place, std::string_view what) {
        bytes.replace(place, what.size(), what);
    };
    put(0x1f1, "\x01");              // a sector of 16-bit code beside this one
    put(0x1fe, "\x55\xaa");          // of a boot sector
    put(0x200, "\xeb\x6e");          // jmp 0x270
    put(0x202, "HdrS\x03\x02");      // version 2.3
    put(0x211, "\x01");              // LOADED_HIGH
    put(0x22c, "\xff\xff\xff\x37");  // where an initrd may be
    using namespace std::literals;
    // lidt cs:0x100, where zeros are; int3; jmp to itself
    put(0x270, "\x2e\x0f\x01\x1e\x00\x01\xcc\xeb\xfe"sv);
    return bytes;
}

std::set<std::string> units_of_users_runs() {
    run_words("journalctl --sync");
    std::istringstream lines(run_words("journalctl --field=USER_UNIT").output);
    std::set<std::string> units;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("qemu-run-"))
            units.insert(line);
    return units;
}

TEST(Run, HasNoSmallerSandboxForAGuestThatEndsAtOnce) {
#ifndef __x86_64__
    GTEST_SKIP() << "the kernel is one for x86";
#endif
    const UserSession user("runreset");
    user.write(user.home() + "/kernel", kernel_that_resets());
    const auto before = units_of_users_runs();
    const Finished done =
        user.run({"qemunitctl", "run", "--timeout=1min", "--kernel=kernel", "--", "true"});
    EXPECT_EQ(done.status, 125) << done;
    std::vector<std::string> units;
    std::ranges::set_difference(units_of_users_runs(), before, std::back_inserter(units));
    ASSERT_EQ(units.size(), 1u) << done;
    EXPECT_TRUE(units.front().starts_with("qemu-run-boxed-")) << units.front();
}

// A tree with a busybox; tools/fetch-linux-guest --arm64 makes it.
TEST(Run, BootsAKernelOfAnotherArchitecture) {
    const char *guests = std::getenv("QEMUNIT_LINUX_GUEST");
    const fs::path guest = fs::path(guests ? guests : "") / "aarch64";
    if (!fs::exists(guest / "vmlinuz"))
        GTEST_SKIP() << "there is no guest for aarch64: tools/fetch-linux-guest --arm64";
    if (fs::exists("/usr/lib/qemunit/qemunit-init") &&
        !fs::exists("/usr/lib/qemunit/qemunit-init.aarch64"))
        GTEST_SKIP() << "there was no compiler for aarch64 (g++-aarch64-linux-gnu)";
    const RunFolder folder;
    fs::copy(guest, "/srv/run/aarch64", fs::copy_options::recursive);
    const Finished done = folder.run(
        "--arch=arm64 --kernel=aarch64/vmlinuz --modules=aarch64/modules --root=aarch64/root "
        "--network -- sh -c 'uname -m; ip -4 route; exit 3'");
    EXPECT_EQ(done.status, 3) << done;
    expect_contains(done.output, "aarch64\ndefault via 10.0.2.2 dev eth0");
}

// A small part of them: with KVM, all would do.
TEST(Run, RunsThisProjectsOwnUnitTests) {
    if (!fs::exists(QEMUNIT_BUILD "/tests/CTestTestfile.cmake") ||
        !run_words("ctest --version").ok())
        GTEST_SKIP() << "there is no build here";
    const RunFolder folder;
    const Finished done = folder.run("--memory=2G -- ctest --test-dir " QEMUNIT_BUILD
                                     " --output-on-failure -R "
                                     "'^(examples|golden[./](10|36).*)$'");
    EXPECT_EQ(done.status, 0) << done;
    expect_contains(done.output, "100% tests passed, 0 tests failed");
}

TEST(Run, DoesAListOfJobs) {
    const RunFolder folder;
    const Finished done = folder.run(
        "--jobs=2 --output=out --junit=report <<'END'\n"
        "echo one >$QEMUNIT_OUTPUT/file; seq 100000\n# no job\n\necho two; exit 7\nEND\n");
    EXPECT_EQ(done.status, 1) << done;
    expect_contains(done.output, "TAP version 13\n1..2\n");
    expect_contains(done.output, "ok 1 - echo one >$QEMUNIT_OUTPUT/file; seq 100000\n");
    expect_contains(done.output, "not ok 2 - echo two; exit 7\n# exit status 7\n# two\n");
    EXPECT_EQ(read_file("/srv/run/out/1/file"), "one\n");
    expect_contains(read_file("/srv/run/report"), "tests=\"2\" failures=\"1\" errors=\"0\"");
    EXPECT_EQ(units_of_runs(), "");
}

}  // namespace
}  // namespace qemunit::e2e
