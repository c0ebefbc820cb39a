// SPDX-License-Identifier: MIT
//
// qemunit-generator as its users run it: exit codes, and what goes to which stream.
// Whole outputs stand in tests/golden.
#include "tests/unit/program.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "common/paths.h"
#include "generator/options.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::ProgramResult;

class GeneratorProgramTest : public ::testing::Test {
  protected:
    ProgramResult run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), QEMUNIT_GENERATOR);
        ProgramResult result =
            testing::run_program(arguments, {.environment = {"SYSTEMD_ARCHITECTURE=x86-64"}});
        for (std::string *text : {&result.output, &result.errors})
            for (std::size_t at; (at = text->find(folder.path())) != text->npos;)
                text->erase(at, folder.path().size());
        return result;
    }
    ProgramResult generate() const {
        return run({"--root=" + (folder / "root"), folder.make_folder("out")});
    }

    testing::TemporaryFolder folder;
};

constexpr const char *kDropIn = "qemu@vm1.service.d/50-qemunit.conf";

TEST_F(GeneratorProgramTest, UsageErrorsExitWithTwo) {
    const ProgramResult result = run({"/a", "/b"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors,
              "qemunit-generator: takes one or three directories, not 2; see --help\n");
    EXPECT_EQ(run({}).exit_code, 2);
    EXPECT_EQ(run({"--nonsense"}).exit_code, 2);
}

TEST_F(GeneratorProgramTest, HelpAndVersion) {
    EXPECT_EQ(run({"--help"}).output, generator_help());
    EXPECT_EQ(run({"--help"}).exit_code, 0);
    EXPECT_EQ(run({"--version"}).output, "qemunit-generator " + std::string(kVersion) + "\n");
    EXPECT_EQ(run({"--version"}).exit_code, 0);
}

// So many that two processes share them.
TEST_F(GeneratorProgramTest, OfManyVmsEachHasItsUnitAndEachFaultIsSaidOnce) {
    constexpr int kVms = 400;
    for (int i = 2000; i < 2000 + kVms; ++i)
        folder.write(fmt::format("root/etc/qemunit/vm{}.ini", i),
                     fmt::format("[Network lan]\nHostForward=tcp::{}-:22\n", i));
    // Two neighbours of each kind, which are not with the same process.
    for (int i : {2100, 2101})
        folder.write(fmt::format("root/etc/qemunit/vm{}.ini", i), "[VM]\nMemory=lots\n");
    for (int i : {2200, 2201})
        folder.write(fmt::format("root/etc/qemunit/vm{}.ini", i),
                     "[Network lan]\nHostForward=tcp::7777-:22\n");
    for (int i : {2300, 2301})
        folder.write(fmt::format("out/qemu@vm{}.service.d", i), "in the way");
    const ProgramResult result = generate();
    EXPECT_EQ(result.exit_code, 1);

    std::set<std::string> said, expected;
    for (std::string_view rest = result.errors; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        EXPECT_TRUE(said.emplace(rest.substr(0, end)).second) << rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
    for (int i : {2100, 2101})
        expected.insert(fmt::format(
            "/root/etc/qemunit/vm{}.ini:2: Memory=lots: not a size; write 512M or 2G.", i));
    expected.insert(
        "/root/etc/qemunit/vm2201.ini:2: TCP port 7777 of the host is also that of VM 'vm2200' "
        "(/root/etc/qemunit/vm2200.ini:2): only one of them can run at a time.");
    for (int i : {2300, 2301})
        expected.insert(
            fmt::format("/root/etc/qemunit/vm{0}.ini: cannot create "
                        "/out/qemu@vm{0}.service.d/50-qemunit.conf: Not a directory",
                        i));
    EXPECT_EQ(said, expected);

    for (int i = 2000; i < 2000 + kVms; ++i) {
        const bool fails = i == 2100 || i == 2101 || i == 2300 || i == 2301;
        const std::string unit = fmt::format("out/qemu@vm{}.service.d/50-qemunit.conf", i);
        EXPECT_EQ(access((folder / unit).c_str(), F_OK) == 0, !fails) << unit;
    }
}

TEST_F(GeneratorProgramTest, EverybodyMayReadUnitsWhateverTheUmask) {
    folder.write("root/etc/qemunit/vm1.ini", "[VM]\n");
    const mode_t before = umask(0077);
    generate();
    umask(before);
    const auto mode = [&](const std::string &name) {
        struct stat info {};
        EXPECT_EQ(stat((folder / name).c_str(), &info), 0) << name;
        return info.st_mode & 07777;
    };
    EXPECT_EQ(mode(std::string("out/") + kDropIn), 0644u);
    EXPECT_EQ(mode("out/qemu@vm1.service.d"), 0755u);
}

TEST_F(GeneratorProgramTest, OneDirectoryIsEnough) {
    folder.write("root/etc/qemunit/vm1.ini", "[VM]\n");
    const ProgramResult result = generate();
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output + result.errors, "");
    EXPECT_NE(folder.read(std::string("out/") + kDropIn), "");
}

TEST_F(GeneratorProgramTest, NothingConfiguredIsNothingSaid) {
    const ProgramResult result = generate();
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output + result.errors, "");
    EXPECT_TRUE(folder.contents().empty());
}

TEST_F(GeneratorProgramTest, ADryRunPrintsWhatWouldBeWritten) {
    folder.write("root/etc/qemunit/vm1.ini", "[Serial debug]\n[Install]\nWantedBy=a.target\n");
    folder.write("root/etc/qemunit/vm2.ini", "broken");
    ASSERT_EQ(generate().exit_code, 1);
    const ProgramResult result = run({"--root=" + (folder / "root"), "--dry-run"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.output,
              std::string("---") + kDropIn + "---\n" + folder.read(std::string("out/") + kDropIn) +
                  "\n---qemu-serial@vm1.socket.d/50-qemunit.conf---\n" +
                  folder.read("out/qemu-serial@vm1.socket.d/50-qemunit.conf") +
                  "\n---a.target.wants/qemu@vm1.service -> " + std::string(kSystemUnitDir) +
                  "/qemu@.service---\n\n---qemunit.broken/vm2---\n" +
                  folder.read("out/qemunit.broken/vm2") + "\n");
    EXPECT_EQ(folder.read("out/qemunit.broken/vm2"),
              "/etc/qemunit/vm2.ini\n/etc/qemunit/vm2.ini:1: Missing '=' in 'broken'.\n");
    EXPECT_EQ(result.errors, "/root/etc/qemunit/vm2.ini:1: Missing '=' in 'broken'.\n");
}

// So that nothing is said about the machine that the test runs on.
const std::string kAnyHost = "[VM]\nAccelerator=tcg\nQEMU=/bin/sh\n";

TEST_F(GeneratorProgramTest, CheckReadsTheFilesGiven) {
    const std::string good = folder.write("good.ini", kAnyHost);
    const std::string odd = folder.write("odd.ini", kAnyHost + "Memroy=1G\n");
    const std::string bad = folder.write("bad.ini", "[VM]\nMemory=x\nCPUs=y\n");
    folder.write("good.ini.d/10.conf", "[VM]\nCPUs=2\n");
    const std::string null = folder.link("null.ini", "/dev/null");

    ProgramResult result = run({"--check", good, odd, null});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors,
              "/odd.ini:4: Unknown key 'Memroy' in section [VM], ignoring. Did you mean "
              "'Memory'?\n");

    result = run({"--check", bad, good});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors,
              "/bad.ini:2: Memory=x: not a size; write 512M or 2G.\n"
              "/bad.ini:3: CPUs=y: not a number of CPUs from 1 to 1024.\n");

    folder.write("good.ini.d/20.conf", "[VM]\nCPUs=z\n");
    result = run({"--check", good});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors,
              "/good.ini.d/20.conf:2: CPUs=z: not a number of CPUs from 1 to 1024.\n");

    result = run({"--check", folder / "gone.ini"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors, "/gone.ini: Cannot read the file: No such file or directory.\n");
}

TEST_F(GeneratorProgramTest, CheckWarnsOfWhatIsMissingHere) {
    const ProgramResult result =
        run({"--check", folder.write("vm1.ini", kAnyHost + "[Drive d]\nFile=/gone/disk.img\n")});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.errors, "/vm1.ini:5: File=/gone/disk.img: no such file: /gone/disk.img.\n");
}

TEST_F(GeneratorProgramTest, CheckComparesTheFilesGiven) {
    const std::string forward = kAnyHost + "[Network n]\nHostForward=tcp::10022-:22\n";
    const ProgramResult result =
        run({"--check", folder.write("a.ini", forward), folder.write("b.ini", forward)});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.errors,
              "/b.ini:5: TCP port 10022 of the host is also that of VM 'a' (/a.ini:5): only one of "
              "them can run at a time.\n");
}

// At boot, the file systems are not there yet.
TEST_F(GeneratorProgramTest, GeneratingLooksAtNoFileOfTheHost) {
    folder.write("root/etc/qemunit/vm1.ini",
                 "[Boot]\nKernel=/gone\n[Drive d]\nFile=/gone/disk.img\n[Share s]\nPath=/gone\n");
    const ProgramResult result = generate();
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.errors, "");
}

TEST_F(GeneratorProgramTest, ExplainIsAConfigurationError) {
    folder.write("root/etc/qemunit/tupo.ini", "[VM]\n");
    const ProgramResult result = run({"--root=" + (folder / "root"), "--explain", "typo"});
    EXPECT_EQ(result.exit_code, 78);
    EXPECT_EQ(result.output, "");
    EXPECT_EQ(result.errors,
              "no VM 'typo' is configured: looked for typo.ini in /etc/qemunit, /run/qemunit, "
              "/usr/local/lib/qemunit, /usr/lib/qemunit; did you mean 'tupo'?\n");
}

TEST_F(GeneratorProgramTest, TheManagerOfAUserGetsThatUsersVms) {
    folder.write("root/etc/qemunit/system.ini", "[VM]\n");
    folder.write("root/home/joe/.config/qemunit/joes.ini", "[VM]\n");
    folder.write("root/home/joe/.config/qemunit/broken.ini", "[VM]\nUser=ann\n");
    const auto generate_as = [&](const std::string &out, const std::vector<std::string> &variables,
                                 const std::vector<std::string> &options) {
        std::vector<std::string> command = {QEMUNIT_GENERATOR, "--root=" + (folder / "root")};
        command.insert(command.end(), options.begin(), options.end());
        command.push_back(folder.make_folder(out));
        std::vector<std::string> environment = {"HOME=/home/joe", "XDG_RUNTIME_DIR=/run/user/1"};
        environment.insert(environment.end(), variables.begin(), variables.end());
        return testing::run_program(command, {.environment = environment});
    };
    const std::string drop_in = "/qemu@joes.service.d/50-qemunit.conf";

    // By systemd, with the level that the journal takes off again.
    const ProgramResult by_systemd = generate_as("a", {"SYSTEMD_SCOPE=user"}, {});
    EXPECT_EQ(by_systemd.exit_code, 1);
    EXPECT_TRUE(by_systemd.errors.starts_with("<3>qemunit-generator[")) << by_systemd.errors;
    EXPECT_TRUE(by_systemd.errors.ends_with(
        "]: " + (folder / "root/home/joe/.config/qemunit/broken.ini") +
        ":2: User=ann needs the system manager: QEMU runs as the user whose VM it is.\n"))
        << by_systemd.errors;
    EXPECT_NE(folder.read("a" + drop_in), "");
    EXPECT_EQ(folder.read("a/qemu@system.service.d/50-qemunit.conf"), "");

    // By a person.
    const ProgramResult by_option = generate_as("b", {}, {"--user"});
    EXPECT_TRUE(by_option.errors.starts_with(folder.path())) << by_option.errors;
    EXPECT_EQ(folder.read("b" + drop_in), folder.read("a" + drop_in));

    EXPECT_EQ(generate_as("c", {}, {}).errors, "");
    EXPECT_EQ(folder.read("c" + drop_in), "");
    EXPECT_NE(folder.read("c/qemu@system.service.d/50-qemunit.conf"), "");
}

TEST_F(GeneratorProgramTest, AVmThatCannotBeWrittenIsReportedAndTheNextIs) {
    folder.write("root/etc/qemunit/a.ini", "[VM]\n");
    folder.write("root/etc/qemunit/b.ini", "[VM]\n");
    folder.write("out/qemu@a.service.d", "a file in the way");
    const ProgramResult result = generate();
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors,
              "/root/etc/qemunit/a.ini: cannot create "
              "/out/qemu@a.service.d/50-qemunit.conf: Not a directory\n");
    EXPECT_NE(folder.read("out/qemu@b.service.d/50-qemunit.conf"), "");
}

TEST_F(GeneratorProgramTest, WithoutSystemdsWordTheKernelNamesTheArchitecture) {
    folder.write("root/etc/qemunit/vm1.ini", "[VM]\n");
    const auto result =
        testing::run_program({QEMUNIT_GENERATOR, "--root=" + (folder / "root"), "--dry-run"}, {});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_NE(result.output.find("/usr/bin/qemu-system-"), result.output.npos);
}

// As systemd does: all units of the last run are removed before.
TEST_F(GeneratorProgramTest, WhatAVmRunsWithIsHeldFromOneRunToTheNext) {
    const std::string units = "root/run/systemd/generator", ini = "root/etc/qemunit/vm1.ini";
    const std::string amendment = units + "/qemu@vm1.service.d/60-qemunit-running.conf";
    const std::string tpm = units + "/qemu@vm1.service.wants/qemu-tpm@vm1.service";
    const auto reload = [&] {
        std::filesystem::remove_all(folder / units);
        folder.make_folder(units);
        return run({"--root=" + (folder / "root"), folder / units});
    };
    const auto is_there = [&](const std::string &path) {
        return std::filesystem::exists(std::filesystem::symlink_status(folder / path));
    };
    const std::string invocation = "root/run/systemd/units/invocation:qemu@vm1.service";
    folder.write(ini, "[VM]\nTPM=yes\n");
    EXPECT_EQ(reload().exit_code, 0);
    folder.link(invocation, "1");
    for (int round = 0; round < 2; ++round) {
        folder.write(ini, "[VM]\n");
        EXPECT_EQ(reload().exit_code, 0);
        EXPECT_TRUE(is_there(tpm) && is_there(amendment));
        folder.write(ini, "[VM]\nMemory=lots\n");
        EXPECT_EQ(reload().exit_code, 1);
        EXPECT_TRUE(is_there(tpm) && is_there(amendment));
        std::filesystem::remove(folder / ini);
        EXPECT_EQ(reload().exit_code, 0);
        EXPECT_TRUE(is_there(tpm) && is_there(amendment));
    }
    // As it was.
    folder.write(ini, "[VM]\nTPM=yes\n");
    EXPECT_EQ(reload().exit_code, 0);
    EXPECT_TRUE(is_there(tpm));
    EXPECT_FALSE(is_there(amendment));
    // Another run, which began with what the last run of the generator gave.
    folder.write(ini, "[VM]\n");
    EXPECT_EQ(reload().exit_code, 0);
    EXPECT_TRUE(is_there(tpm));
    std::filesystem::remove(folder / invocation);
    folder.link(invocation, "2");
    EXPECT_EQ(reload().exit_code, 0);
    EXPECT_FALSE(is_there(tpm));
    // It has ended.
    folder.write(ini, "[VM]\nTPM=yes\n");
    EXPECT_EQ(reload().exit_code, 0);
    std::filesystem::remove(folder / invocation);
    std::filesystem::remove(folder / ini);
    EXPECT_EQ(reload().exit_code, 0);
    EXPECT_FALSE(is_there(tpm));
}

}  // namespace
}  // namespace qemunit::generator
