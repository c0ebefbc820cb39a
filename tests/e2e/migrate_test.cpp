// SPDX-License-Identifier: MIT
//
// `qemunitctl migrate`, between two VMs of one host that have the same disk, by an ssh that runs
// its command here. The guest counts on its disk and in its RAM (tests/guests/counter.S): whatever
// is killed, one copy of it goes on, and never a second one.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "tests/e2e/battered_vm.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/moving_guest.h"

namespace qemunit::e2e {
namespace {

const std::string kGivenButNotTaken = given_but_not_taken();

class Migrate : public MovingGuest {};

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
