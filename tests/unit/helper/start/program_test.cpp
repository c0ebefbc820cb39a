// SPDX-License-Identifier: MIT
//
// qemunit-helper from its sockets to the exec, with a shell script for QEMU.
#include "tests/unit/program.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "common/paths.h"
#include "helper/handover/options.h"
#include "helper/start/kvm.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::ProgramResult;
using Words = std::vector<std::string>;

constexpr const char *kNoFilter = "QEMUNIT_FILTER=no";

class HelperProgramTest : public ::testing::Test {
  protected:
    // `script` runs as QEMU.
    std::string qemu(const std::string &script) const {
        const std::string path = folder.write("qemu", "#!/bin/sh\n" + script);
        EXPECT_EQ(chmod(path.c_str(), 0755), 0);
        return path;
    }

    // A shell opens nothing but can pass what we have at 3 and 4; it becomes the helper.
    ProgramResult run_with_sockets(const Words &arguments,
                                   const std::string &helper = QEMUNIT_HELPER,
                                   const std::string &variable = "OTHER=x") const {
        ProgramResult result;
        EXPECT_TRUE(testing::holds_in_child([&] {
            constexpr int kOutOfTheWay = 100;
            for (const char *name : {"control", "serial"}) {
                const UniqueFd fd = testing::listening_socket(folder / name + ".sock");
                EXPECT_GE(fcntl(fd.get(), F_DUPFD, kOutOfTheWay), kOutOfTheWay);
            }
            EXPECT_EQ(dup2(100, 3), 3);
            EXPECT_EQ(dup2(101, 4), 4);
            Words command = {"/bin/sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" \"$@\"",
                             helper};
            command.insert(command.end(), arguments.begin(), arguments.end());
            const ProgramResult run = testing::run_program(
                command,
                {.environment = {"KEPT=yes", variable, "NOTIFY_SOCKET=" + (folder / "none"),
                                 "WATCHDOG_PID=1", "WATCHDOG_USEC=1"}});
            folder.write("output", run.output);
            folder.write("errors", run.errors);
            folder.write("exit-code", std::to_string(run.exit_code));
        }));
        result.output = folder.read("output");
        result.errors = folder.read("errors");
        result.exit_code = std::stoi(folder.read("exit-code"));
        return result;
    }

    testing::TemporaryFolder folder;
};

TEST_F(HelperProgramTest, HelpAndVersion) {
    ProgramResult result = testing::run_program({QEMUNIT_HELPER, "--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, helper_help());
    result = testing::run_program({QEMUNIT_HELPER, "--version"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, "qemunit-helper " + std::string(kVersion) + "\n");
}

TEST_F(HelperProgramTest, AWrongCommandLine) {
    const ProgramResult result = testing::run_program({QEMUNIT_HELPER, "--nonsense"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors, "<3>qemunit-helper: unknown option '--nonsense'; see --help\n");
}

TEST_F(HelperProgramTest, NoSockets) {
    const ProgramResult result = testing::run_program({QEMUNIT_HELPER, "--vm=vm1", "/bin/true"});
    EXPECT_EQ(result.exit_code, 69);
    EXPECT_EQ(result.errors,
              "<3>qemunit-helper: systemd passed no listening sockets: this program is for "
              "ExecStart= of qemu@.service; if it was run as that, 'systemctl status "
              "qemu-monitor@NAME.socket' says why\n");
}

// The numbers behind "fd=" in QEMU's arguments.
Words passed_fds(const std::string &output) {
    Words fds;
    for (std::size_t at = 0; (at = output.find(",fd=", at)) != output.npos;) {
        at += 4;
        fds.push_back(output.substr(at, output.find_first_not_of("0123456789", at) - at));
    }
    return fds;
}

TEST_F(HelperProgramTest, QemuGetsItsArguments) {
    const ProgramResult result = run_with_sockets(
        {"--vm=vm1", "--serial=serial", qemu("for word; do echo \"[$word]\"; done; exit 3\n"),
         "-name", "a b", ""});
    EXPECT_EQ(result.exit_code, 3);
    const Words fds = passed_fds(result.output);
    ASSERT_EQ(fds.size(), 3u) << result.output;
    EXPECT_EQ(result.output, "[-chardev]\n[socket,id=control,fd=" + fds[0] +
                                 ",server=on,wait=off]\n[-qmp]\n[chardev:control]\n"
                                 "[-chardev]\n[socket,id=companion,fd=" +
                                 fds[1] +
                                 "]\n[-qmp]\n[chardev:companion]\n"
                                 "[-chardev]\n[socket,id=serial,fd=" +
                                 fds[2] + "]\n[-name]\n[a b]\n[]\n");
    EXPECT_TRUE(result.errors.starts_with(
        "<4>qemunit-helper: systemd passed no socket monitor.sock; is its socket unit masked?\n"
        "<4>qemunit-helper: systemd passed no socket qmp.sock; is its socket unit masked?\n"))
        << result.errors;
}

TEST_F(HelperProgramTest, QemuGetsItsSocketsAndNoOtherFd) {
    // What QEMU's process has open, told by the process itself.
    const ProgramResult result = run_with_sockets(
        {"--vm=vm1", "--serial=serial", qemu("echo \"$@\"; exec ls -lv /proc/self/fd\n")},
        QEMUNIT_HELPER, kNoFilter);
    EXPECT_EQ(result.exit_code, 0);
    Words open_fds;
    for (std::size_t at = 0; (at = result.output.find(" -> ", at)) != result.output.npos; ++at) {
        const std::size_t begin = result.output.rfind(' ', at - 1) + 1;
        if (result.output.substr(at + 4, 6) != "/proc/")  // the listing itself
            open_fds.push_back(result.output.substr(begin, at - begin));
    }
    Words expected = {"0", "1", "2"};
    std::ranges::copy(passed_fds(result.output), std::back_inserter(expected));
    EXPECT_EQ(open_fds, expected) << result.output;
}

TEST_F(HelperProgramTest, QemuGetsTheEnvironmentWithoutSystemdsPart) {
    const ProgramResult result =
        run_with_sockets({"--vm=vm1", qemu("exec env\n")}, QEMUNIT_HELPER, kNoFilter);
    EXPECT_NE(result.output.find("KEPT=yes\n"), result.output.npos);
    for (const char *name : {"LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_"})
        EXPECT_EQ(result.output.find(name), result.output.npos) << result.output;
}

constexpr const char *kRunsTrue = "/bin/true && echo ran; echo after\n";

TEST_F(HelperProgramTest, QemuRunsNoOtherProgram) {
    const ProgramResult result = run_with_sockets({"--vm=vm1", qemu(kRunsTrue)});
    EXPECT_EQ(result.output, "after\n");
    EXPECT_NE(result.errors.find("/bin/true: Permission denied"), result.errors.npos)
        << result.errors;
}

TEST_F(HelperProgramTest, QemuRunsProgramsWhereItsServiceSaysSo) {
    const ProgramResult result =
        run_with_sockets({"--vm=vm1", qemu(kRunsTrue)}, QEMUNIT_HELPER, kNoFilter);
    EXPECT_EQ(result.output, "ran\nafter\n");
}

TEST_F(HelperProgramTest, KvmIsLeftOutWhereItIsOfNoUse) {
    const Words accelerators = {"-accel", "kvm", "-accel", "tcg"};
    Words command = {"--vm=vm1", "--check-kvm", qemu("shift 8; echo \"$@\"\n")};
    command.insert(command.end(), accelerators.begin(), accelerators.end());
    const ProgramResult result = run_with_sockets(command);
    if (const auto usable = check_kvm()) {
        EXPECT_EQ(result.output, "-accel kvm -accel tcg\n");
    } else {
        EXPECT_EQ(result.output, "-accel tcg\n");
        EXPECT_TRUE(result.errors.starts_with("<5>qemunit-helper: " + usable.error().message +
                                              "; the VM runs by emulation (TCG).\n"))
            << result.errors;
    }
}

TEST_F(HelperProgramTest, KvmIsNotLeftOutUnasked) {
    const ProgramResult result =
        run_with_sockets({"--vm=vm1", qemu("shift 8; echo \"$@\"\n"), "-accel", "kvm"});
    EXPECT_EQ(result.output, "-accel kvm\n");
}

TEST_F(HelperProgramTest, VariablesThatCannotBeCopiedEndTheStart) {
    const ProgramResult result = testing::run_program(
        {QEMUNIT_HELPER, "--vm=no-such-vm", "--uefi-variables=" + (folder / "gone.fd"), "/q"});
    EXPECT_EQ(result.exit_code, 73);
    EXPECT_EQ(result.errors, "<3>qemunit-helper: cannot open " + (folder / "gone.fd") +
                                 ": No such file or directory\n");
}

TEST_F(HelperProgramTest, AQemuThatIsNotThere) {
    const ProgramResult result = run_with_sockets({"--vm=vm1", folder / "qemu-system-none"});
    EXPECT_EQ(result.exit_code, 69);
    EXPECT_NE(result.errors.find("<3>qemunit-helper: cannot run " + (folder / "qemu-system-none") +
                                 ": No such file or directory; is QEMU for this architecture "
                                 "installed?\n"),
              result.errors.npos)
        << result.errors;
}

TEST_F(HelperProgramTest, ACompanionThatIsNotThereEndsTheStart) {
    std::filesystem::copy_file(QEMUNIT_HELPER, folder / "qemunit-helper");
    const ProgramResult result =
        run_with_sockets({"--vm=vm1", qemu("echo runs\n")}, folder / "qemunit-helper");
    EXPECT_EQ(result.exit_code, 71);
    EXPECT_EQ(result.output, "");
    EXPECT_TRUE(result.errors.ends_with("<3>qemunit-helper: cannot run " +
                                        (folder / "qemunit-companion") +
                                        ": No such file or directory\n"))
        << result.errors;
}

// QEMU does not expect a child, and would be left with its zombie.
TEST_F(HelperProgramTest, TheCompanionIsNotQemusChild) {
    if (access("/proc/thread-self/children", F_OK) != 0)
        GTEST_SKIP() << "this kernel does not tell a process's children";
    const ProgramResult result = run_with_sockets(
        {"--vm=vm1",
         qemu("read -r children < /proc/$$/task/$$/children\necho \"children: $children\"\n")});
    EXPECT_EQ(result.output, "children: \n");
}

}  // namespace
}  // namespace qemunit::helper
