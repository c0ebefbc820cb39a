// SPDX-License-Identifier: MIT
//
// `qemunitctl migrate`, between two VMs of one host that have the same disk, by an ssh that runs
// its command here. The guest counts on its disk and in its RAM (tests/guests/counter.S): whatever
// is killed, one copy of it goes on, and never a second one.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/e2e/battered_vm.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kMigrateFolder[] = "/run/migratetest";
constexpr char kMovedDisk[] = "/var/lib/qemunit-test/moved.raw";

// Without `filter`, ssh runs its command. With it, what comes back goes through that script, which
// gets its name for $0; a question of `--ask=` does not.
constexpr char kFakeSsh[] = R"(#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done
host=$1; shift
[[ $host != nowhere ]] || exit 255
case "$*" in
*--ask=*) [[ ! -e /run/migratetest/deaf ]] || exit 255; exec "$@" ;;
esac
echo $$ >/run/migratetest/ssh.pid
if [[ -e /run/migratetest/filter ]]; then "$@" | bash /run/migratetest/filter; else "$@"; fi
)";

std::string moved_ini(const std::string &more = "") {
    return "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Drive root]\nFile=" + kGuestDir +
           "/counter.img\nReadOnly=yes\n[Drive data]\nFile=" + std::string(kMovedDisk) +
           "\nFormat=raw\n" + more;
}

uint32_t moved_number(const std::string &line) {
    return line.starts_with("N ")
               ? static_cast<uint32_t>(std::strtoul(line.c_str() + 2, nullptr, 16))
               : 0;
}

// Of a filter: the target's companion stands still when the source gets to know that all is loaded,
// and what follows is done when that has written down that the guest is the target's.
const std::string kGivenButNotTaken =
    "for i in 1 2; do IFS= read -r line; echo \"$line\"; done; IFS= read -r line\n"
    "pid=$(pgrep -f 'qemunit-helper: companion of VM moveto'); kill -STOP $pid\n"
    "echo \"$line\"\n"
    "timeout 60 sh -c 'until [ -e /var/lib/qemunit/movefrom/moved-away ]; do sleep 0.05; done'\n";

class Migrate : public ::testing::Test {
  protected:
    Migrate() {
        fs::create_directories(kMigrateFolder);
        write_file(std::string(kMigrateFolder) + "/ssh", kFakeSsh);
        fs::permissions(std::string(kMigrateFolder) + "/ssh", fs::perms::owner_all);
        write_file(kMovedDisk, std::string(1u << 20, '\0'));
        fs::permissions(kMovedDisk, fs::perms(0666));
        from.emplace("movefrom", moved_ini());
        to.emplace("moveto", moved_ini());
    }
    ~Migrate() override {
        if (migration.joinable())
            migration.join();
        run_words("systemctl stop qemu@moveto qemu-migrate@moveto.socket qemu@movefrom");
        from.reset();
        to.reset();
        for (const char *vm : {"movefrom", "moveto"})
            fs::remove_all(std::string("/var/lib/qemunit/") + vm);
        fs::remove_all(kMigrateFolder);
        fs::remove(kMovedDisk);
    }

    void start() {
        journal.emplace(from->unit());
        ASSERT_TRUE(from->start().ok()) << from->status();
        ASSERT_TRUE(journal->read_until_line("N 00000008"));
    }
    static Finished migrate(const std::string &words = "", const std::string &host = "elsewhere") {
        return run({"bash", "-c",
                    "PATH=" + std::string(kMigrateFolder) + ":$PATH qemunitctl migrate movefrom " +
                        host + " --to moveto " + words});
    }
    // In the background, so slowly that all can be done in the middle.
    void begin(const std::string &bandwidth = "--bandwidth=64K") {
        migration = std::thread([this, bandwidth] { migrated = migrate(bandwidth); });
        Deadline deadline;
        while (!is_sending() && !deadline.passed())
            std::this_thread::yield();
        ASSERT_FALSE(deadline.passed()) << phase();
    }
    void finish() { migration.join(); }
    static std::string phase() {
        return run_words(
                   "busctl call org.qemunit1 /org/qemunit1/vm/movefrom org.qemunit1.VM "
                   "GetMigration")
            .output;
    }
    // Some of the guest's memory is there.
    static bool is_sending() {
        const std::string seen = phase();
        unsigned long long sent = 0;
        const std::size_t last = seen.rfind('"');
        return seen.find("\"sending\"") != seen.npos &&
               sscanf(seen.c_str() + last + 1, "%llu", &sent) == 1 && sent > 0;
    }
    // The companion that takes over needs a moment.
    static std::string wait_for_given() {
        Deadline deadline;
        std::string seen;
        do
            seen = phase();
        while (seen.find("\"given\"") == seen.npos && !deadline.passed());
        return seen;
    }
    // How many moves to the target have come so far.
    static int arrivals(const std::string &state) {
        int found = 0;
        std::error_code missing;
        for (const auto &entry : fs::directory_iterator("/var/lib/qemunit/moveto", missing)) {
            const std::string name = entry.path().filename();
            found += name.starts_with("moved-in.") && name.ends_with(state);
        }
        return found;
    }
    static void write_filter(const std::string &script) {
        write_file(std::string(kMigrateFolder) + "/filter", script);
    }

    // The guest of `vm` goes on counting, and nobody disturbs it.
    void expect_counts(const VmUnderTest &vm) {
        Journal counted(vm.unit());
        uint32_t first = 0, last = 0;
        const auto read = counted.read_lines([&](std::string_view line) {
            EXPECT_EQ(line.find("DISAGREE"), line.npos) << line;
            last = moved_number(std::string(line));
            if (first == 0)
                first = last;
            return last < first + 8;
        });
        EXPECT_TRUE(read) << vm.status() << phase();
    }
    void expect_goes_on_here() {
        expect_counts(*from);
        EXPECT_TRUE(wait_for_off(*to)) << to->status();
        EXPECT_FALSE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
        for (const char *state : {".taken", ".runs"})
            EXPECT_EQ(arrivals(state), 0);
    }
    void expect_runs_there() {
        expect_counts(*to);
        EXPECT_TRUE(wait_for_off(*from)) << from->status();
        EXPECT_TRUE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
        // It does not boot here any more, from a disk that another one writes.
        EXPECT_FALSE(from->start().ok());
        expect_contains(from->status().output, "has moved to elsewhere as moveto");
        for (const char *words :
             {"remove movefrom --with-disks --yes", "clone movefrom movecopy",
              "rename movefrom moveother", "backup movefrom /run/migratetest"}) {
            const Finished refused = run_words(std::string("qemunitctl ") + words);
            EXPECT_FALSE(refused.ok()) << refused;
            expect_contains(refused.output, "the VM has moved to elsewhere, which uses its disks");
        }
    }
    static bool wait_for_off(const VmUnderTest &vm) {
        Deadline deadline;
        while (!deadline.passed()) {
            const std::string state = unit_property(vm.unit(), "ActiveState");
            if (state == "inactive" || state == "failed")
                return true;
            std::this_thread::yield();
        }
        return false;
    }
    std::optional<VmUnderTest> from, to;
    std::optional<Journal> journal;
    std::thread migration;
    Finished migrated;
};

TEST_F(Migrate, MovesAndComesBack) {
    Journal here(from->unit()), there(to->unit());
    start();
    Terminal console({"qemunitctl", "console", "movefrom"});
    ASSERT_SEEN(console, "Connected to serial of movefrom");
    const Finished moved = migrate();
    ASSERT_TRUE(moved.ok()) << moved;
    ASSERT_SEEN(console,
                "has moved to elsewhere; its console is there: ssh -t elsewhere qemunitctl console "
                "moveto");
    EXPECT_EQ(moved.output, "movefrom has moved to elsewhere, as moveto.\n");
    expect_runs_there();
    EXPECT_EQ(unit_property("qemu-migrate@moveto.socket", "ActiveState"), "inactive");
    expect_contains(to->status().output, "Running, moved, QEMU");
    // The lock of its disk has moved along.
    EXPECT_TRUE(run({"qemu-io", "-f", "raw", "-c", "read 0 512", kMovedDisk})
                    .says("Failed to get \"write\" lock"));

    std::vector<uint32_t> numbers;
    for (auto *side : {&here, &there})
        for (const std::string &line : lines_of(side->read_rest()))
            if (const uint32_t number = moved_number(line); number > 0)
                numbers.push_back(number);
    ASSERT_FALSE(numbers.empty());
    for (std::size_t i = 1; i < numbers.size(); ++i)
        EXPECT_EQ(numbers[i], numbers[i - 1] + (numbers[1] - numbers[0]));

    const Finished back = run({"bash", "-c",
                               "PATH=" + std::string(kMigrateFolder) +
                                   ":$PATH qemunitctl migrate moveto elsewhere --to movefrom"});
    ASSERT_TRUE(back.ok()) << back;
    expect_counts(*from);
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
    // It is a VM like any other now.
    EXPECT_TRUE(from->systemctl("restart").ok()) << from->status();
    expect_counts(*from);
}

TEST_F(Migrate, RefusesBeforeAnythingIsTouched) {
    const Finished off = migrate();
    EXPECT_EQ(off.status, 1);
    expect_contains(off.output, "is off; there is nothing to move");
    start();
    const auto expect_refused = [&](const std::string &why, const std::string &words = "") {
        const Finished refused = migrate(words);
        EXPECT_EQ(refused.status, 1);
        expect_contains(refused.output, why);
        EXPECT_NE(unit_property(to->unit(), "ActiveState"), "active");
        EXPECT_EQ(unit_property("qemu-migrate@moveto.socket", "ActiveState"), "inactive");
        expect_contains(phase(), "\"here\"");
    };
    const Finished unreachable = migrate("", "nowhere");
    EXPECT_EQ(unreachable.status, 1);
    expect_contains(unreachable.output, "nowhere: the connection to the other host has ended");

    write_file(to->ini_path(), moved_ini("[VM]\nCPU=qemu64\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_refused("the ini file here gives the guest another CPU (qemu64) than it has (max)");
    const std::string other = std::string(kMigrateFolder) + "/other.raw";
    write_file(other, std::string(1u << 20, '\0'));
    std::string ini = moved_ini();
    ini.replace(ini.find(kMovedDisk), sizeof kMovedDisk - 1, other);
    write_file(to->ini_path(), ini);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_refused("[Drive data]: nothing shows that " + other + " is the file that the guest has");
    // A second name of the same file is one; a raw image of the same size is not.
    fs::remove(other);
    ini.replace(ini.find(other), other.size(), std::string(kMovedDisk) + ".link");
    fs::create_hard_link(kMovedDisk, std::string(kMovedDisk) + ".link");
    write_file(to->ini_path(), ini + "[VM]\nArguments=-drive if=none,id=more,file=/dev/null\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_refused("it has a disk by Arguments=");
    fs::remove(std::string(kMovedDisk) + ".link");
    fs::remove(to->ini_path());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_refused("no VM 'moveto' is configured here");
    write_file(to->ini_path(), deaf_ini() + "Stop=quit\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(to->start().ok()) << to->status();
    const Finished taken = migrate();
    expect_contains(taken.output, "a VM 'moveto' is not off here");
    ASSERT_TRUE(to->stop().ok());
    expect_counts(*from);
}

TEST_F(Migrate, ASourceThatIsKilledCanBeStartedAgain) {
    start();
    begin();
    ASSERT_EQ(kill(from->main_pid(), SIGKILL), 0);
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    EXPECT_TRUE(wait_for_off(*to)) << to->status();
    EXPECT_TRUE(wait_for_off(*from));
    ASSERT_TRUE(from->start().ok()) << from->status();
    expect_goes_on_here();
}

TEST_F(Migrate, ATargetThatIsKilledIsNotMissed) {
    start();
    begin();
    ASSERT_EQ(kill(to->main_pid(), SIGKILL), 0);
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    expect_contains(migrated.output, "has not moved");
    expect_goes_on_here();
    EXPECT_EQ(unit_property("qemu-migrate@moveto.socket", "ActiveState"), "inactive");
}

TEST_F(Migrate, ALinkThatBreaksLeavesTheGuestHere) {
    start();
    begin();
    ASSERT_TRUE(run({"bash", "-c", "pkill -KILL -P $(cat /run/migratetest/ssh.pid)"}).ok());
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    expect_goes_on_here();
    // `receive` was killed, and could not tidy up: nothing boots there by accident.
    const Finished boots = to->start();
    EXPECT_FALSE(boots.ok());
    expect_contains(to->status().output, "is to come from another host");
    ASSERT_TRUE(run_words("systemctl stop qemu-migrate@moveto.socket").ok());
    // The next attempt does not mind.
    const Finished again = migrate();
    EXPECT_TRUE(again.ok()) << again;
    expect_runs_there();
}

TEST_F(Migrate, QemunitdMayDieMeanwhile) {
    start();
    begin("--bandwidth=1M");
    ASSERT_TRUE(run_words("systemctl kill --signal=KILL qemunitd").ok());
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_runs_there();
}

TEST_F(Migrate, ACompanionThatIsKilledHereEndsIt) {
    start();
    begin();
    ASSERT_EQ(kill(from->companion(), SIGKILL), 0);
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    expect_goes_on_here();
}

TEST_F(Migrate, ACompanionThatIsKilledThereIsReplaced) {
    start();
    begin("--bandwidth=1M");
    ASSERT_EQ(kill(to->companion(), SIGKILL), 0);
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_runs_there();
}

TEST_F(Migrate, AVmThatIsToStopDoesNotMove) {
    start();
    begin();
    ASSERT_TRUE(from->stop().ok()) << from->status();
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    EXPECT_TRUE(wait_for_off(*to)) << to->status();
    ASSERT_TRUE(from->start().ok()) << from->status();
    expect_goes_on_here();
}

TEST_F(Migrate, ATargetThatIsToStopLetsTheGuestHere) {
    start();
    begin();
    ASSERT_TRUE(to->systemctl("stop").ok()) << to->status();
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    expect_goes_on_here();
}

TEST_F(Migrate, ASecondOneIsRefused) {
    start();
    begin();
    const VmUnderTest third("movethird", moved_ini());
    const Finished second = run({"bash", "-c",
                                 "PATH=" + std::string(kMigrateFolder) +
                                     ":$PATH qemunitctl migrate movefrom elsewhere --to "
                                     "movethird"});
    EXPECT_EQ(second.status, 1);
    expect_contains(second.output, "the VM is being moved to elsewhere already");
    EXPECT_TRUE(wait_for_off(third)) << third.status();
    // The first one is in no haste so far.
    ASSERT_TRUE(run({"qemunitctl", "qmp", "movefrom", "migrate-set-parameters",
                     R"({"max-bandwidth": 1000000000})"})
                    .ok());
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_runs_there();
}

TEST_F(Migrate, ASecondReceiveEndsNothingOfTheFirst) {
    start();
    begin("--bandwidth=256K");
    const Finished second = run({"bash", "-c", "echo '{}' | qemunitctl receive moveto"});
    EXPECT_EQ(second.status, 1);
    expect_contains(second.output, "VM 'moveto' is being received already");
    // Nor does a question that nobody has a reason for.
    const Finished asked =
        run_words("qemunitctl receive --ask=0123456789abcdef0123456789abcdef moveto");
    expect_contains(asked.output, "{\"unknown\":\"nothing is known there of that move\"}");
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_runs_there();
}

// The disk of the target is full, say, where it would write down that it has the guest.
TEST_F(Migrate, ATargetThatCannotRememberDoesNotTakeTheGuest) {
    start();
    fs::create_directories("/var/lib/qemunit/moveto/moved-in.new/x");
    const Finished refused = migrate();
    EXPECT_EQ(refused.status, 1) << refused;
    expect_contains(refused.output, "cannot create /var/lib/qemunit/moveto/moved-in.new");
    expect_goes_on_here();
}

TEST_F(Migrate, ALostAnswerIsAskedFor) {
    start();
    write_filter("for i in 1 2 3; do IFS= read -r line; echo \"$line\"; done");
    const Finished moved = migrate();
    EXPECT_TRUE(moved.ok()) << moved;
    expect_runs_there();
}

TEST_F(Migrate, AGuestThatWasGivenAndNeverRanComesBack) {
    start();
    write_filter(kGivenButNotTaken + "systemctl kill --signal=KILL qemu@moveto\n");
    const Finished moved = migrate();
    EXPECT_EQ(moved.status, 1) << moved;
    expect_contains(moved.output, "the guest has not run on elsewhere; it goes on here");
    expect_goes_on_here();
}

// As from an older QEMU: the machine is not the one that "q35" means here.
TEST_F(Migrate, WhatHasComeIsHibernatedAsTheMachineThatItIs) {
    write_file(from->ini_path(), moved_ini("[VM]\nMachine=pc-q35-6.2\n"));
    write_file(to->ini_path(), moved_ini("[VM]\nMachine=q35\nStop=hibernate\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    start();
    const Finished moved = migrate();
    ASSERT_TRUE(moved.ok()) << moved;
    expect_counts(*to);
    ASSERT_TRUE(to->systemctl("stop").ok()) << to->status();
    ASSERT_TRUE(fs::exists("/var/lib/qemunit/moveto/hibernated")) << to->status();
    Journal resumed(to->unit());
    ASSERT_TRUE(to->start().ok()) << to->status();
    expect_counts(*to);
    for (const std::string &line : lines_of(resumed.read_rest()))
        EXPECT_NE(moved_number(line), 1u);
    for (const auto &entry : fs::directory_iterator("/var/lib/qemunit/moveto"))
        EXPECT_FALSE(entry.path().filename().string().starts_with("hibernated.failed"));
    expect_contains(to->status().output, "resumed");
}

// Right after it has written down that it has the guest, before anybody lets that run.
TEST_F(Migrate, ACompanionThatIsKilledWhenTheGuestIsThereIsReplaced) {
    start();
    write_filter(
        "for i in 1 2; do IFS= read -r line; echo \"$line\"; done; IFS= read -r line\n"
        "pid=$(pgrep -f 'qemunit-helper: companion of VM moveto')\n"
        "echo \"$line\"\n"
        "until compgen -G '/var/lib/qemunit/moveto/moved-in.*.taken' >/dev/null ||"
        " compgen -G '/var/lib/qemunit/moveto/moved-in.*.runs' >/dev/null; do :; done\n"
        "kill -KILL $pid\n"
        "exec cat\n");
    const Finished moved = migrate();
    EXPECT_TRUE(moved.ok()) << moved;
    expect_runs_there();
}

// The target forgets everything, as one does whose disks are not there yet: that is no answer.
TEST_F(Migrate, ATargetThatKnowsNothingDecidesNothing) {
    start();
    write_filter(kGivenButNotTaken +
                 "rm /var/lib/qemunit/moveto/moved-in.*\n"
                 "systemctl kill --signal=KILL qemu@moveto\n");
    const Finished moved = migrate();
    EXPECT_EQ(moved.status, 1) << moved;
    expect_contains(moved.output, "nothing is known there of that move");
    expect_contains(phase(), "\"given\"");
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
    // Nor when the VM is off here.
    ASSERT_TRUE(from->stop().ok()) << from->status();
    const Finished asked = migrate();
    EXPECT_EQ(asked.status, 1) << asked;
    expect_contains(asked.output, "nothing is known there of that move");
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
    EXPECT_FALSE(from->start().ok());
}

// It boots there from the disks, after it was said that the guest never runs there.
TEST_F(Migrate, ATargetThatHasBootedSaysNotNo) {
    start();
    write_file(std::string(kMigrateFolder) + "/deaf", "");
    write_filter(kGivenButNotTaken + "systemctl kill --signal=KILL qemu@moveto\n");
    const Finished moved = migrate();
    EXPECT_EQ(moved.status, 1) << moved;
    expect_contains(phase(), "\"given\"");
    ASSERT_TRUE(wait_for_off(*to));
    Deadline deadline;
    while (arrivals(".refused") == 0 && !deadline.passed())  // by `receive`
        std::this_thread::yield();
    ASSERT_EQ(arrivals(".refused"), 1);
    run_words("systemctl stop qemu-migrate@moveto.socket");
    ASSERT_TRUE(to->start().ok()) << to->status();
    fs::remove(std::string(kMigrateFolder) + "/deaf");
    const Finished asked = migrate();
    EXPECT_EQ(asked.status, 1) << asked;
    expect_contains(asked.output, "nothing is known there of that move");
    expect_contains(phase(), "\"given\"");
    expect_counts(*to);
}

TEST_F(Migrate, ATargetThatIsToStopWhenItHasTheGuestStopsIt) {
    start();
    write_filter(
        "for i in 1 2; do IFS= read -r line; echo \"$line\"; done; IFS= read -r line\n"
        "systemctl stop --no-block qemu@moveto.service & echo \"$line\"; exec cat\n");
    const Finished moved = migrate();
    // Whichever was first: the guest is here, or has been there, and never is at both.
    if (moved.ok()) {
        EXPECT_TRUE(wait_for_off(*to)) << to->status();
        EXPECT_TRUE(wait_for_off(*from)) << from->status();
        EXPECT_EQ(arrivals(".runs"), 1);
        EXPECT_FALSE(from->start().ok());
    } else {
        expect_goes_on_here();
    }
}

TEST_F(Migrate, AGuestThatWasGivenStandsStillUntilItIsKnownWhereItIs) {
    start();
    write_file(std::string(kMigrateFolder) + "/deaf", "");
    write_filter("for i in 1 2 3; do IFS= read -r line; echo \"$line\"; done");
    const Finished moved = migrate();
    EXPECT_EQ(moved.status, 1) << moved;
    expect_contains(moved.output, "which does not say whether the guest runs");
    expect_contains(phase(), "\"given\"");
    expect_counts(*to);
    // Nobody lets it run here, whoever is killed.
    ASSERT_EQ(kill(from->companion(), SIGKILL), 0);
    EXPECT_NE(call_vm("movefrom", "Resume").error, "");
    expect_contains(wait_for_given(), "\"given\"");
    fs::remove(std::string(kMigrateFolder) + "/deaf");
    const Finished asked = migrate();
    EXPECT_TRUE(asked.ok()) << asked;
    expect_runs_there();
}

}  // namespace
}  // namespace qemunit::e2e
