// SPDX-License-Identifier: MIT
//
// `qemunitctl migrate --copy-storage`, between two VMs of one host that have disks of their own.
// Whatever is killed, one copy of the guest goes on, and what it has written is on that one's disk;
// half a disk is never started from.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>

#include "tests/e2e/counting_disk.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/moving_guest.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

constexpr char kDiskThere[] = "/var/lib/qemunit-test/moved-there.raw";
constexpr char kBulk[] = "/var/lib/qemunit-test/bulk.raw";
constexpr char kBulkThere[] = "/var/lib/qemunit-test/bulk-there.qcow2";
constexpr char kMark[] = "/var/lib/qemunit/moveto/unfinished-copy";
// Of the fake ssh.
constexpr char kMemoryLink[] = "/run/migratetest/ssh.pid",
               kDiskLinks[] = "/run/migratetest/ssh.pids.disk";
constexpr std::size_t kMiB = 1u << 20, kBulkData = 24;  // MiB

std::string ini_here() {
    return moved_ini("[Drive bulk]\nFile=" + std::string(kBulk) + "\nFormat=raw\n");
}
std::string ini_there(const std::string &size = "1M", const std::string &folder = "") {
    std::string ini = moved_ini("Size=" + size + "\n[Drive bulk]\nFile=" +
                                (folder.empty() ? kBulkThere : folder + "/bulk-there.qcow2") +
                                "\nFormat=qcow2\nSize=64M\n");
    ini.replace(ini.find(kMovedDisk), sizeof kMovedDisk - 1, kDiskThere);
    return ini;
}

class CopyStorage : public MovingGuest {
  protected:
    CopyStorage() : MovingGuest(ini_here(), ini_there()) {
        remove_images_there();
        said_there.emplace(to->unit());
        // Data, then a hole, then data.
        EXPECT_TRUE(
            run({"bash", "-c",
                 "cd /var/lib/qemunit-test && rm -f bulk.raw && truncate -s 64M bulk.raw && "
                 "head -c 12M /dev/urandom | dd of=bulk.raw conv=notrunc status=none && "
                 "head -c 12M /dev/urandom | "
                 "dd of=bulk.raw bs=1M seek=52 conv=notrunc status=none iflag=fullblock"})
                .ok());
    }
    ~CopyStorage() override {
        finish_if_begun();
        run_words("systemctl stop qemu@moveto qemu-migrate@moveto.socket qemu@movefrom");
        remove_images_there();
        fs::remove(kBulk);
    }

    void finish_if_begun() {
        if (migration.joinable())
            migration.join();
    }
    static void remove_images_there() {
        fs::remove(kDiskThere);
        fs::remove(kBulkThere);
    }
    static void make_bulk_small() {
        ASSERT_TRUE(run({"bash", "-c",
                         "cd /var/lib/qemunit-test && truncate -s 0 bulk.raw && "
                         "truncate -s 64M bulk.raw && head -c 64K /dev/urandom | "
                         "dd of=bulk.raw bs=1M seek=7 conv=notrunc status=none iflag=fullblock"})
                        .ok());
    }
    // There are more of them here than a VM usually gets in so short a time.
    static void forget_starts() { run_words("systemctl reset-failed qemu@moveto qemu@movefrom"); }
    void begin_move(const std::string &bandwidth) {
        forget_starts();
        fs::remove(kDiskLinks);
        migration =
            std::thread([this, bandwidth] { migrated = migrate("--copy-storage " + bandwidth); });
    }
    // The disks are there, and what the guest writes follows. The memory has some hundred KiB.
    void begin_sending() {
        begin_move("--bandwidth=64K");
        wait_for("\"sending\"");
    }
    // So slowly that all can be done while the disks are copied.
    void begin_copying() {
        begin_move("--bandwidth=3M");
        wait_for("\"copying\"");
    }
    static void send_faster() {
        ASSERT_TRUE(run({"qemunitctl", "qmp", "movefrom", "migrate-set-parameters",
                         R"({"max-bandwidth": 1000000000})"})
                        .ok());
    }
    // The guest stands still, and what it has written last does not get there.
    void begin_switching_over() {
        begin_sending();
        Journal stops(from->unit());
        signal_links(kDiskLinks, "STOP");
        send_faster();
        ASSERT_TRUE(stops.read_until_event("STOP")) << phase();
    }
    // Some bytes have got there in that phase.
    void wait_for(const std::string &wanted) {
        Deadline deadline;
        while (!deadline.passed()) {
            const std::string seen = phase();
            unsigned long long sent = 0;
            if (seen.find(wanted) != seen.npos &&
                sscanf(seen.c_str() + seen.rfind('"') + 1, "%llu", &sent) == 1 && sent > 0)
                return;
        }
        FAIL() << phase() << migrated;
    }

    static CountingDisk counting_disk(const std::string &path) {
        return read_counting_disk(read_file(path));
    }
    // Both VMs are off.
    static void expect_same_bulk() {
        const Finished compared =
            run({"qemu-img", "compare", "-f", "raw", "-F", "qcow2", kBulk, kBulkThere});
        EXPECT_TRUE(compared.ok()) << compared;
    }
    // The greatest number that the guest has said there, in this test.
    uint32_t last_number_there() {
        uint32_t last = 0;
        for (const std::string &line : lines_of(said_there->read_rest()))
            last = std::max(last, moved_number(line));
        return last;
    }
    void expect_moved() {
        expect_runs_there();
        EXPECT_FALSE(fs::exists(kMark));
        const uint32_t said = last_number_there();
        ASSERT_TRUE(to->stop().ok()) << to->status();
        expect_same_bulk();
        const CountingDisk before = counting_disk(kMovedDisk), after = counting_disk(kDiskThere);
        EXPECT_FALSE(before.disagrees || after.disagrees);
        EXPECT_EQ(before.broken_sector + after.broken_sector, "");
        EXPECT_GT(after.number, before.number);
        EXPECT_GE(after.number, said);
        // It boots there, and goes on from its disk.
        ASSERT_TRUE(to->start().ok()) << to->status();
        expect_counts(*to);
    }
    // The guest is here; there, nothing starts but another copy.
    void expect_stayed(bool has_begun = true) {
        expect_goes_on_here();
        EXPECT_EQ(fs::exists(kMark), has_begun);
        if (has_begun) {
            run_words("systemctl stop qemu-migrate@moveto.socket");
            forget_starts();
            EXPECT_FALSE(to->start().ok());
            expect_contains(to->status().output,
                            "the VM's disks here are a copy that was not finished");
        }
        const Finished jobs = run({"qemunitctl", "qmp", "movefrom", "query-jobs"});
        expect_contains(jobs.output, "[]");
        Deadline deadline;
        while (waits_before_switchover() && !deadline.passed())
            std::this_thread::yield();
        EXPECT_FALSE(waits_before_switchover());
    }
    // A migration that anybody begins by a monitor would do so.
    static bool waits_before_switchover() {
        const auto all = nlohmann::json::parse(
            run({"qemunitctl", "qmp", "movefrom", "query-migrate-capabilities"}).output, nullptr,
            false);
        return !all.is_array() || std::ranges::any_of(all, [](const nlohmann::json &capability) {
            return capability.value("capability", "") == "pause-before-switchover" &&
                   capability.value("state", true);
        });
    }
    // `fault` befalls a move that has begun.
    void expect_stays_after(const std::function<void()> &fault) {
        fault();
        finish();
        EXPECT_EQ(migrated.status, 1) << migrated;
        expect_contains(migrated.output, "has not moved");
        expect_stayed();
    }
    // What was copied in part is copied anew.
    void expect_moves_then() {
        forget_starts();
        const Finished again = migrate("--copy-storage");
        ASSERT_TRUE(again.ok()) << again;
        expect_moved();
    }
    static void signal_links(const std::string &pids, const std::string &signal) {
        ASSERT_TRUE(
            run({"bash", "-c", "pkill -" + signal + " -P $(paste -sd, " + pids + ")"}).ok());
    }
    // Those that are left. A stopped ssh does not end, and `migrate` waits for it.
    static void let_links_go_on() {
        run({"bash", "-c", "pkill -CONT -P $(paste -sd, " + std::string(kDiskLinks) + ")"});
    }
    static void cut(const std::string &pids) { signal_links(pids, "KILL"); }
    std::optional<Journal> said_there;  // by the guest

    void kill_target() const { ASSERT_EQ(kill(to->main_pid(), SIGKILL), 0); }
    static void kill_companion(const VmUnderTest &vm) {
        ASSERT_EQ(kill(vm.companion(), SIGKILL), 0);
    }
};

TEST_F(CopyStorage, MovesTheDisksAlong) {
    start();
    Journal here(from->unit()), there(to->unit());
    const Finished moved = migrate("--copy-storage");
    ASSERT_TRUE(moved.ok()) << moved << to->status();
    expect_moved();
    // Holes are holes.
    struct stat status {};
    ASSERT_EQ(stat(kBulkThere, &status), 0);
    EXPECT_LT(static_cast<std::size_t>(status.st_blocks) * 512, (kBulkData + 4) * kMiB);
    std::vector<uint32_t> numbers;
    for (auto *side : {&here, &there})
        for (const std::string &line : lines_of(side->read_rest()))
            if (const uint32_t number = moved_number(line); number > 0)
                numbers.push_back(number);
    for (std::size_t i = 1; i < numbers.size(); ++i)
        EXPECT_EQ(numbers[i], numbers[i - 1] + (numbers[1] - numbers[0]));
}

TEST_F(CopyStorage, RefusesBeforeAnythingIsTouched) {
    start();
    const auto expect_refused = [&](const std::string &why, const std::string &words) {
        const Finished refused = migrate(words);
        EXPECT_EQ(refused.status, 1);
        expect_contains(refused.output, why);
        expect_contains(phase(), "\"here\"");
        EXPECT_FALSE(fs::exists(kMark));
    };
    write_file(kDiskThere, std::string(kMiB - 1, '\0') + 'x');
    ASSERT_TRUE(run({"qemu-img", "create", "-f", "qcow2", kBulkThere, "64M"}).ok());
    expect_refused("If it is to be copied to this host: --copy-storage", "");
    expect_refused("[Drive data]: /var/lib/qemunit-test/moved-there.raw has data",
                   "--copy-storage");
    fs::remove(kDiskThere);
    ASSERT_TRUE(run({"qemu-io", "-f", "qcow2", "-c", "write -P 7 32M 512", kBulkThere}).ok());
    expect_refused("[Drive bulk]: /var/lib/qemunit-test/bulk-there.qcow2 has data",
                   "--copy-storage");
    remove_images_there();
    write_file(to->ini_path(), ini_there("2M"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_refused(
        "[Drive data]: /var/lib/qemunit-test/moved-there.raw is 2097152 bytes large for the guest, "
        "and 1048576 there; write Size=1M into the ini file here",
        "--copy-storage");
    expect_counts(*from);
}

TEST_F(CopyStorage, ASourceThatEndsCanBeStartedAgain) {
    start();
    for (const bool is_killed : {true, false}) {
        begin_copying();
        if (is_killed) {
            ASSERT_EQ(kill(from->main_pid(), SIGKILL), 0);
        } else {
            ASSERT_TRUE(from->stop().ok()) << from->status();
        }
        finish();
        EXPECT_EQ(migrated.status, 1) << migrated;
        EXPECT_TRUE(wait_for_off(*to)) << to->status();
        EXPECT_TRUE(wait_for_off(*from));
        ASSERT_TRUE(from->start().ok()) << from->status();
        expect_stayed();
    }
    expect_moves_then();
}

TEST_F(CopyStorage, WhateverEndsWhileTheDisksAreCopiedTheGuestStays) {
    start();
    const std::vector<std::function<void()>> faults = {
        [] { cut(kDiskLinks); },
        [] { cut(kMemoryLink); },
        [&] { kill_companion(*from); },
        [&] { kill_target(); },
        [&] { ASSERT_TRUE(to->systemctl("stop").ok()) << to->status(); },
    };
    for (std::size_t i = 0; i < faults.size(); ++i) {
        SCOPED_TRACE(i);
        begin_copying();
        expect_stays_after(faults[i]);
    }
    // It goes on in spite of these.
    begin_copying();
    kill_companion(*to);
    EXPECT_TRUE(run_words("systemctl kill --signal=KILL qemunitd").ok());
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_moved();
}

// The disks are there, and the guest writes through meanwhile.
TEST_F(CopyStorage, WhateverEndsWhileTheMemoryIsSentTheGuestStays) {
    make_bulk_small();
    start();
    const std::vector<std::function<void()>> faults = {
        [] { cut(kDiskLinks); },
        [] { cut(kMemoryLink); },
        [&] { kill_companion(*from); },
        [&] { kill_target(); },
    };
    for (std::size_t i = 0; i < faults.size(); ++i) {
        SCOPED_TRACE(i);
        begin_sending();
        expect_stays_after(faults[i]);
    }
    // Nothing is left behind that keeps the guest from being hibernated.
    const Finished hibernated = run_words("qemunitctl hibernate movefrom");
    EXPECT_TRUE(hibernated.ok()) << hibernated;
    ASSERT_TRUE(from->start().ok()) << from->status();
    begin_sending();
    kill_companion(*to);
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    send_faster();
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_moved();
}

TEST_F(CopyStorage, WhateverEndsWhenTheGuestStandsStillItGoesOnHere) {
    // QEMU gives no answer as long as that waits for the other host, and is not killed for it.
    write_file(from->ini_path(), ini_here() + "[Service]\nWatchdogSec=3s\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    make_bulk_small();
    start();
    const std::vector<std::function<void()>> faults = {
        [] { cut(kDiskLinks); },
        [&] { kill_companion(*from); },
        [&] { kill_target(); },
    };
    for (std::size_t i = 0; i < faults.size(); ++i) {
        SCOPED_TRACE(i);
        begin_switching_over();
        expect_stays_after([&] {
            faults[i]();
            let_links_go_on();
        });
    }
    // What is late is not lost.
    Journal watched(from->unit());
    begin_switching_over();
    EXPECT_TRUE(watched.read_until([](const JournalEntry &entry) {
        return entry.message.find("QEMU does not answer, but is at work") != std::string::npos;
    })) << from->status();
    signal_links(kDiskLinks, "CONT");
    finish();
    EXPECT_TRUE(migrated.ok()) << migrated;
    expect_moved();
}

TEST_F(CopyStorage, AVmThatIsToStopWhenItsGuestStandsStillStops) {
    make_bulk_small();
    start();
    begin_switching_over();
    ASSERT_TRUE(from->stop().ok()) << from->status();
    let_links_go_on();
    finish();
    EXPECT_EQ(migrated.status, 1) << migrated;
    EXPECT_TRUE(wait_for_off(*to)) << to->status();
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/movefrom/moved-away"));
    forget_starts();
    ASSERT_TRUE(from->start().ok()) << from->status();
    expect_stayed();
    expect_moves_then();
}

// What comes along is what the guest sees, not files.
TEST_F(CopyStorage, LayersBecomeOneImageAndACdIsTheSameOne) {
    const std::string folder = "/var/lib/qemunit-test/", layered = folder + "layered.qcow2",
                      base = folder + "base.raw", there = folder + "layered-there.raw",
                      cd = folder + "cd.iso";
    const auto remove_all = [&] {
        for (const std::string &file : {layered, base, there, cd})
            fs::remove(file);
    };
    remove_all();
    fs::rename(kBulk, base);
    ASSERT_TRUE(
        run({"qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", layered}).ok());
    ASSERT_TRUE(run({"qemu-io", "-f", "qcow2", "-c", "write -P 7 8M 3M", layered}).ok());
    write_file(cd, std::string(kMiB, 'c'));
    const std::string more =
        "[Drive cd]\nMedia=cdrom\nFile=" + cd + "\n[Drive bulk]\nIOThread=yes\nFile=";
    write_file(from->ini_path(),
               moved_ini(more + layered + "\nFormat=qcow2\nBackingFile=" + base + "\n"));
    std::string ini_of_copy = moved_ini("Size=1M\n" + more + there + "\nFormat=raw\nSize=64M\n");
    ini_of_copy.replace(ini_of_copy.find(kMovedDisk), sizeof kMovedDisk - 1, kDiskThere);
    write_file(to->ini_path(), ini_of_copy);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    start();
    const Finished moved = migrate("--copy-storage");
    ASSERT_TRUE(moved.ok()) << moved << to->status();
    expect_runs_there();
    ASSERT_TRUE(to->stop().ok()) << to->status();
    const Finished compared =
        run({"qemu-img", "compare", "-f", "qcow2", "-F", "raw", layered, there});
    EXPECT_TRUE(compared.ok()) << compared;
    remove_all();
}

// As many as a message of D-Bus takes along.
TEST_F(CopyStorage, FifteenDisksComeAlong) {
    std::string disks;
    for (int i = 1; i < 15; ++i) {
        disks += "[Drive d" + std::to_string(i) + "]\nInterface=scsi\nFormat=raw\n" +
                 "Size=" + std::to_string(64 + i) + "K\nFile=d" + std::to_string(i) + ".raw\n";
    }
    write_file(from->ini_path(), moved_ini(disks));
    std::string ini_of_copy = moved_ini("Size=1M\n" + disks);
    ini_of_copy.replace(ini_of_copy.find(kMovedDisk), sizeof kMovedDisk - 1, kDiskThere);
    write_file(to->ini_path(), ini_of_copy);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(from->start().ok()) << from->status();
    const Finished moved = migrate("--copy-storage");
    ASSERT_TRUE(moved.ok()) << moved << to->status();
    // The firmware counts its disks in another order here, so that the guest says nothing.
    EXPECT_TRUE(to->status().says("Running, moved, QEMU")) << to->status();
    EXPECT_TRUE(wait_for_off(*from)) << from->status();
}

// The other host has all of the disks, and says that the guest has never run: what the guest writes
// here from then on, these do not have.
TEST_F(CopyStorage, AGuestThatWasGivenAndNeverRanComesBack) {
    make_bulk_small();
    start();
    write_filter(given_but_not_taken(3) + "systemctl kill --signal=KILL qemu@moveto\n");
    const Finished moved = migrate("--copy-storage");
    EXPECT_EQ(moved.status, 1) << moved;
    expect_contains(moved.output, "the guest has not run on elsewhere; it goes on here");
    expect_stayed();
    fs::remove(std::string(kMigrateFolder) + "/filter");
    expect_moves_then();
}

TEST_F(CopyStorage, ATargetWithoutRoomLetsTheGuestHere) {
    const std::string small = "/var/lib/qemunit-test/small";
    fs::create_directories(small);
    ASSERT_TRUE(run({"mount", "-t", "tmpfs", "-o", "size=8M,mode=0755", "tmpfs", small}).ok());
    write_file(to->ini_path(), ini_there("1M", small));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    start();
    const Finished full = migrate("--copy-storage");
    EXPECT_EQ(full.status, 1) << full;
    expect_contains(full.output, "[Drive bulk] could not be copied: No space left on device");
    expect_stayed();
    run({"umount", small});
    fs::remove(small);
}

TEST(CopyStorageOfUser, MovesTheDisksAlong) {
    UserSession user("joe");
    user.write(user.home() + "/bin/ssh",
               "#!/bin/bash\n"
               "while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done; shift; \"$@\"\n");
    ASSERT_TRUE(user.run({"chmod", "+x", user.home() + "/bin/ssh"}).ok());
    const std::string ini =
        "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Drive root]\nFile=" + kGuestDir +
        "/counter.img\nReadOnly=yes\n[Drive data]\nFile=data.raw\n"
        "Format=raw\nSize=1M\n";
    const VmOfUser from(user, "movefrom", ini), to(user, "moveto", ini);
    ASSERT_TRUE(from.start().ok()) << from.status();
    Deadline deadline;
    while (user.journalctl(from.unit()).find("N 00000008") == std::string::npos &&
           !deadline.passed())
        std::this_thread::yield();
    const Finished moved =
        user.run({"bash", "-c",
                  "PATH=$HOME/bin:$PATH qemunitctl --user migrate movefrom elsewhere --to moveto "
                  "--copy-storage"});
    ASSERT_TRUE(moved.ok()) << moved << to.status();
    // Nobody stops it again: `receive` knows where the state of a user's VMs is.
    const auto last_number = [&] {
        uint32_t last = 0;
        std::istringstream said(
            user.run_words("journalctl --user -q -ocat -u " + to.unit()).output);
        for (std::string line; std::getline(said, line);)
            last = std::max(last, moved_number(line));
        return last;
    };
    Deadline until;
    while (last_number() < 0x80 && !until.passed())
        std::this_thread::yield();
    EXPECT_TRUE(to.status().says("Running, moved, QEMU")) << to.status();
    EXPECT_EQ(user.journalctl(to.unit()).find("DISAGREE"), std::string::npos);
    EXPECT_FALSE(from.start().ok());
    const Finished removed = user.run_words("qemunitctl --user remove movefrom --with-disks --yes");
    EXPECT_FALSE(removed.ok());
    expect_contains(removed.output, "the VM has moved to elsewhere, which uses its disks");
    ASSERT_TRUE(to.stop().ok());
    // Where systemd has the state of a user depends on its version.
    std::string states = user.home() + "/.local/state/qemunit/";
    if (!fs::exists(states + "moveto"))
        states = user.home() + "/.config/qemunit/";
    const CountingDisk before = read_counting_disk(read_file(states + "movefrom/data.raw")),
                       after = read_counting_disk(read_file(states + "moveto/data.raw"));
    EXPECT_GT(before.number, 0u);
    EXPECT_GE(after.number, before.number);
    EXPECT_EQ(after.broken_sector, "");
}

}  // namespace
}  // namespace qemunit::e2e
