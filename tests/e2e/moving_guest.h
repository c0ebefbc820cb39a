// SPDX-License-Identifier: MIT
//
// Two VMs of one host, "movefrom" and "moveto", the second of which takes the guest of the first
// over by `qemunitctl migrate`, with an ssh that runs its command here. The guest counts on its
// disk and in its RAM (tests/guests/counter.S).
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "tests/e2e/bus.h"
#include "tests/e2e/ctl.h"
#include "tests/e2e/deadline.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

namespace fs = std::filesystem;

inline constexpr char kMigrateFolder[] = "/run/migratetest";
inline constexpr char kMovedDisk[] = "/var/lib/qemunit-test/moved.raw";

// Without `filter`, ssh runs its command. With it, what comes back goes through that script, which
// gets its name for $0; a question of `--ask=` does not, nor does a disk.
inline constexpr char kFakeSsh[] = R"(#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done
host=$1; shift
[[ $host != nowhere ]] || exit 255
case "$*" in
*--ask=*) [[ ! -e /run/migratetest/deaf ]] || exit 255; exec "$@" ;;
*--disk*) echo $$ >>/run/migratetest/ssh.pids.disk; "$@"; exit ;;
esac
echo $$ >/run/migratetest/ssh.pid
if [[ -e /run/migratetest/filter ]]; then "$@" | bash /run/migratetest/filter; else "$@"; fi
)";

inline std::string moved_ini(const std::string &more = "") {
    return "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Drive root]\nFile=" + kGuestDir +
           "/counter.img\nReadOnly=yes\n[Drive data]\nFile=" + std::string(kMovedDisk) +
           "\nFormat=raw\n" + more;
}

// Of a filter: the target's companion stands still when the source gets to know that all is loaded,
// and what follows is done when that has written down that the guest is the target's. `before`: so
// many lines come before that one.
inline std::string given_but_not_taken(int before = 2) {
    return "for ((i = 0; i < " + std::to_string(before) +
           "; i++)); do IFS= read -r line; echo \"$line\"; done; IFS= read -r line\n"
           "pid=$(pgrep -f 'qemunit-helper: companion of VM moveto'); kill -STOP $pid\n"
           "echo \"$line\"\n"
           "timeout 60 sh -c 'until [ -e /var/lib/qemunit/movefrom/moved-away ]; do sleep 0.05; "
           "done'\n";
}

inline uint32_t moved_number(const std::string &line) {
    return line.starts_with("N ")
               ? static_cast<uint32_t>(std::strtoul(line.c_str() + 2, nullptr, 16))
               : 0;
}

class MovingGuest : public ::testing::Test {
  protected:
    MovingGuest() : MovingGuest(moved_ini(), moved_ini()) {}
    MovingGuest(const std::string &ini_here, const std::string &ini_there) {
        fs::create_directories(kMigrateFolder);
        write_file(std::string(kMigrateFolder) + "/ssh", kFakeSsh);
        fs::permissions(std::string(kMigrateFolder) + "/ssh", fs::perms::owner_all);
        write_file(kMovedDisk, std::string(1u << 20, '\0'));
        fs::permissions(kMovedDisk, fs::perms(0666));
        from.emplace("movefrom", ini_here);
        to.emplace("moveto", ini_there);
    }
    ~MovingGuest() override {
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

}  // namespace qemunit::e2e
