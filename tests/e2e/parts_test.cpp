// SPDX-License-Identifier: MIT
//
// What a VM has beside its QEMU is there while the VM runs, or is missed aloud.
#include "tests/e2e/parts.h"

#include <gtest/gtest.h>

#include <csignal>
#include <ctime>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/uplink.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

void kill_main_process(const std::string &unit, int signal) {
    const int pid = std::atoi(unit_property(unit, "MainPID").c_str());
    ASSERT_GT(pid, 0) << unit;
    ASSERT_EQ(kill(pid, signal), 0);
}

TEST(Parts, ThatEndBeforeTheVmAreMissedInItsJournal) {
    Uplink uplink;
    fs::create_directories("/srv/parts");
    VmUnderTest vm("parts", boot_sector_ini() +
                                "[VM]\nTPM=yes\n[Network lan]\nType=passt\n"
                                "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
    for (const int signal : {SIGKILL, SIGTERM}) {
        const JournalOfParts journal(vm);
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        const pid_t qemu = vm.main_pid();
        kill_main_process("qemu-tpm@parts.service", signal);
        journal.expect("The TPM (swtpm) has ended while the VM runs");
        kill_main_process("qemu-passt@parts:lan.service", signal);
        journal.expect("The user network (passt) has ended while the VM runs");
        kill_main_process("qemu-virtiofs@parts:src.service", signal);
        journal.expect("The shared folder (virtiofsd) has ended while the VM runs");
        journal.expect("'systemctl restart qemu@parts' brings it back");
        EXPECT_EQ(vm.main_pid(), qemu);
        EXPECT_EQ(active_state_of(vm.unit()), "active");
        ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
        for (const char *unit : {"qemu-tpm@parts.service", "qemu-passt@parts:lan.service",
                                 "qemu-virtiofs@parts:src.service"})
            EXPECT_EQ(active_state_of(unit), "active") << unit;
        ASSERT_TRUE(vm.stop().ok());
    }
    fs::remove_all("/srv/parts");
}

TEST(Parts, ThatEndWithTheVmAreNotMissed) {
    Uplink uplink;
    fs::create_directories("/srv/parts");
    VmUnderTest vm("partsend", boot_sector_ini() +
                                   "[VM]\nTPM=yes\n[Network lan]\nType=passt\n"
                                   "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(call_vm(vm.name(), "Quit").error, "");
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
    for (const char *unit : {"qemu-tpm@partsend.service", "qemu-passt@partsend:lan.service"})
        EXPECT_TRUE(wait_for_state(unit, "inactive")) << unit << active_state_of(unit);
    expect_no_virtiofs("partsend:src");
    run_words("journalctl --sync");
    const Finished said = run_words("journalctl -b --no-pager -o cat -p 3 -u qemu@partsend");
    EXPECT_EQ(said.output.find("has ended"), std::string::npos) << said;
    fs::remove_all("/srv/parts");
}

// The errors of a user's VM, as `journalctl --user -u` has them, from a second on: an earlier user
// may have had the same number.
std::string errors_of(const UserSession &user, const VmOfUser &vm, time_t since) {
    run_words("journalctl --sync");
    return user
        .run({"journalctl", "--user", "--no-pager", "-q", "-p", "3", "-u", vm.unit(),
              "--since=@" + std::to_string(since)})
        .output;
}

class PartsOfAUser : public testing::TestWithParam<UserSession::MakesNamespaces> {};

INSTANTIATE_TEST_SUITE_P(, PartsOfAUser,
                         testing::Values(UserSession::MakesNamespaces::yes,
                                         UserSession::MakesNamespaces::no),
                         [](const auto &parameter) {
                             return parameter.param == UserSession::MakesNamespaces::yes
                                        ? "WithNamespaces"
                                        : "WithoutNamespaces";
                         });

// passt makes namespaces of its own.
TEST_P(PartsOfAUser, AreMissedInTheJournalOfTheVm) {
    const bool has_passt = GetParam() == UserSession::MakesNamespaces::yes;
    Uplink uplink;
    UserSession user("joe", GetParam());
    VmOfUser vm(user, "vm1",
                boot_sector_ini() + "[VM]\nTPM=yes\n[Network lan]\n" +
                    (has_passt ? "[Network wan]\nType=passt\n" : ""));
    std::vector<std::pair<std::string, std::string>> parts{
        {"qemu-tpm@vm1.service", "The TPM (swtpm) has ended while the VM runs"},
        {"qemu-usernet@vm1:lan.service",
         "The user network (qemunit-usernet) has ended while the VM runs"}};
    if (has_passt)
        parts.emplace_back("qemu-passt@vm1:wan.service",
                           "The user network (passt) has ended while the VM runs");
    const time_t since = time(nullptr);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(user.systemctl("restart", vm.unit()).ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    for (const auto &[unit, said] : parts)
        EXPECT_TRUE(user.reaches_state(unit, "inactive")) << unit;
    for (const auto &[unit, said] : parts) {
        const std::string before = errors_of(user, vm, since);
        EXPECT_EQ(before.find(said), std::string::npos) << before;
        ASSERT_TRUE(user.systemctl("restart", vm.unit()).ok()) << vm.status();
        const int pid = std::atoi(user.unit_property(unit, "MainPID").c_str());
        ASSERT_GT(pid, 0) << unit;
        ASSERT_EQ(kill(pid, unit == parts.front().first ? SIGTERM : SIGKILL), 0);
        const Deadline deadline;
        std::string errors;
        do
            errors = errors_of(user, vm, since);
        while (errors.find(said) == std::string::npos && !deadline.passed());
        EXPECT_NE(errors.find(said), std::string::npos) << errors;
        EXPECT_NE(errors.find("'systemctl --user restart qemu@vm1' brings it back"),
                  std::string::npos)
            << errors;
    }
    EXPECT_EQ(user.unit_property(vm.unit(), "ActiveState"), "active");
}

// Its own words are in the VM's status.
TEST(Parts, ThatCannotStartFailTheVm) {
    Uplink uplink;
    {
        VmUnderTest other("partother", boot_sector_ini() +
                                           "[Network lan]\nHostForward=tcp:127.0.0.1:10094-:80\n");
        ASSERT_TRUE(other.start().ok()) << other.status();
        VmUnderTest vm("partpasst", boot_sector_ini() +
                                        "[Network lan]\nType=passt\n"
                                        "HostForward=tcp:127.0.0.1:10094-:80\n");
        const JournalOfParts journal(vm);
        EXPECT_FALSE(vm.start().ok()) << vm.status();
        EXPECT_EQ(active_state_of(vm.unit()), "failed");
        journal.expect("The user network (passt) could not be started");
        journal.expect("Failed to bind");
        journal.expect("qemu-passt@partpasst:lan.service, which the VM needs, is not up");
        ASSERT_TRUE(other.stop().ok());
        EXPECT_TRUE(vm.start().ok()) << vm.status();
    }
    fs::create_directories("/run/systemd/system/qemu-tpm@.service.d");
    write_file("/run/systemd/system/qemu-tpm@.service.d/50-test.conf",
               "[Service]\nExecStart=\nExecStart=/usr/bin/no-swtpm\n");
    fs::create_directories("/run/systemd/system/qemu-virtiofs@.service.d");
    write_file("/run/systemd/system/qemu-virtiofs@.service.d/50-test.conf",
               "[Service]\nExecStart=\nExecStart=/usr/bin/no-virtiofsd\n");
    fs::create_directories("/srv/parts");
    {
        VmUnderTest vm("parttpm", boot_sector_ini() + "[VM]\nTPM=yes\n");
        const JournalOfParts journal(vm);
        EXPECT_FALSE(vm.start().ok());
        journal.expect("The TPM (swtpm) could not be started");
        VmUnderTest share("partshare",
                          boot_sector_ini() + "[Share src]\nType=virtiofs\nPath=/srv/parts\n");
        const JournalOfParts journal_of_share(share);
        EXPECT_FALSE(share.start().ok());
        journal_of_share.expect("The shared folder (virtiofsd)");
    }
    fs::remove_all("/run/systemd/system/qemu-tpm@.service.d");
    fs::remove_all("/run/systemd/system/qemu-virtiofs@.service.d");
    fs::remove_all("/srv/parts");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    run_words("systemctl reset-failed");
}

}  // namespace
}  // namespace qemunit::e2e
