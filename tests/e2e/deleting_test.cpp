// SPDX-License-Identifier: MIT
//
// A VM that is deleted, or never was: nothing of it stays.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

TEST(Deleting, InTheNaturalOrderNothingStays) {
    VmUnderTest vm("delvm", deaf_ini() + "[VM]\nStop=quit\n[Drive root]\nFile=a.qcow2\nSize=1M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(fs::exists("/var/lib/qemunit/delvm/a.qcow2"));
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    EXPECT_TRUE(wait_until_gone("/run/qemunit/delvm"));
    fs::remove(vm.ini_path());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    const Finished cleaned = run({"systemctl", "clean", "--what=state", vm.unit()});
    EXPECT_TRUE(cleaned.ok()) << cleaned;
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/delvm"));
}

// Of the unit that makes a VM's images, too: those of the others stay.
TEST(Deleting, CleaningOneVmCleansNoOther) {
    VmUnderTest one("delone",
                    deaf_ini() + "[VM]\nStop=quit\n[Drive root]\nFile=a.qcow2\nSize=1M\n");
    VmUnderTest two("deltwo",
                    deaf_ini() + "[VM]\nStop=quit\n[Drive root]\nFile=a.qcow2\nSize=1M\n");
    for (const VmUnderTest *vm : {&one, &two}) {
        ASSERT_TRUE(vm->start().ok()) << vm->status();
        ASSERT_TRUE(vm->stop().ok()) << vm->status();
    }
    run_words("systemctl clean --what=all qemu-image@delone.service");
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/deltwo/a.qcow2"));
    EXPECT_TRUE(run({"systemctl", "clean", "--what=state", one.unit()}).ok());
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/delone"));
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/deltwo/a.qcow2"));
}

TEST(Deleting, ANameThatIsNoVmsLeavesNoFolder) {
    EXPECT_FALSE(run_words("systemctl start qemu@deltypo").ok());
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/deltypo"));
    EXPECT_TRUE(wait_until_gone("/run/qemunit/deltypo"));
    EXPECT_FALSE(fs::exists(fs::symlink_status("/var/lib/qemunit_vms/deltypo")));
    run_words("systemctl reset-failed qemu@deltypo");
}

// systemd makes no user of such names, so that no command of the unit runs.
TEST(Deleting, ANameThatNoUserCanHaveIsExplainedLikeOthers) {
    const VmUnderTest vm("del.good", deaf_ini());
    for (const std::string name : {"del.godo", "delete-this-name-which-is-a-long-one"}) {
        Journal journal("qemu-failure@" + name + ".service");
        EXPECT_FALSE(run_words("systemctl start qemu@" + name).ok());
        const auto said = journal.read_until([&](const JournalEntry &entry) {
            return entry.message.contains("no VM '" + name + "' is configured");
        });
        EXPECT_TRUE(said) << said.error().message;
        EXPECT_FALSE(fs::exists("/var/lib/qemunit/" + name));
        run_words("systemctl reset-failed qemu@" + name);
    }
}

// As a place for a mount, or with attributes of its own.
TEST(Deleting, AnEmptyFolderThatWasThereBeforeStays) {
    for (const bool has_ini : {false, true}) {
        const std::string name = has_ini ? "delmade" : "delmadetypo",
                          folder = "/var/lib/qemunit/" + name;
        std::optional<VmUnderTest> vm;
        if (has_ini)
            vm.emplace(name, deaf_ini() + "[Drive root]\nFile=/gone.img\n");
        fs::create_directories(folder);
        for (int start = 0; start < 2; ++start) {
            EXPECT_FALSE(run_words("systemctl start qemu@" + name).ok());
            EXPECT_TRUE(wait_for_state("qemu-failure@" + name + ".service", "inactive"));
            EXPECT_TRUE(fs::is_directory(folder)) << has_ini;
        }
        run_words("systemctl reset-failed qemu@" + name);
        fs::remove_all(folder);
    }
}

TEST(Deleting, AVmThatCouldNotStartIsCleanedLikeOthers) {
    VmUnderTest vm("delbad", deaf_ini() + "[Drive root]\nFile=/gone.img\n");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_TRUE(wait_until_gone("/run/qemunit/delbad"));
    fs::remove(vm.ini_path());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    run_words("systemctl reset-failed " + vm.unit());
    const Finished cleaned = run({"systemctl", "clean", "--what=state", vm.unit()});
    EXPECT_TRUE(cleaned.ok()) << cleaned;
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/delbad"));
}

// Neither socket unit takes the folder from the other, however often they come and go.
TEST(Deleting, RestartsFindTheirSockets) {
    VmUnderTest vm("delagain", deaf_ini() + "[VM]\nStop=quit\n[Unit]\nStartLimitIntervalSec=0\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (int i = 0; i < 12; ++i) {
        const Finished restarted = vm.systemctl("restart");
        ASSERT_TRUE(restarted.ok()) << restarted << vm.status();
        ASSERT_TRUE(fs::is_socket(vm.socket("serial")) && fs::is_socket(vm.socket("monitor")));
    }
}

TEST(Deleting, AVmOfAUserGoesLikewise) {
    UserSession user("joe");
    {
        VmOfUser vm(user, "vm1",
                    deaf_ini() + "[VM]\nStop=quit\n[Drive root]\nFile=a.qcow2\nSize=1M\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        ASSERT_TRUE(vm.stop().ok()) << vm.status();
    }
    EXPECT_TRUE(wait_until_gone(fs::path(user.socket("vm1", "serial")).parent_path()));
    EXPECT_EQ(trimmed(user.run({"sh", "-c", "find ~ -name a.qcow2 | wc -l"}).output), "1");
    const Finished cleaned = user.run_words("systemctl --user clean --what=state qemu@vm1");
    EXPECT_TRUE(cleaned.ok()) << cleaned;
    EXPECT_EQ(trimmed(user.run({"sh", "-c", "find ~ -name a.qcow2 | wc -l"}).output), "0");
}

}  // namespace
}  // namespace qemunit::e2e
