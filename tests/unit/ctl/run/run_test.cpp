// SPDX-License-Identifier: MIT
//
// `qemunitctl run`, as far as no VM is needed: its options, the archive for the guest, the modules
// and their order, the ini file and the orders, and what is said of its end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "ctl/arguments.h"
#include "ctl/run/architecture.h"
#include "ctl/run/command.h"
#include "ctl/run/cpio.h"
#include "ctl/run/jobs.h"
#include "ctl/run/junit.h"
#include "ctl/run/kernel.h"
#include "ctl/run/machine.h"
#include "ctl/run/memory_file.h"
#include "ctl/run/modules.h"
#include "ctl/run/request.h"
#include "ctl/run/root_view.h"
#include "ctl/run/verdict.h"
#include "tests/unit/common/files/roots_folder.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

using namespace std::literals;
using Words = std::vector<std::string>;
using Kind = Ending::Kind;

const char *variable_of_test(const char *name) {
    return name == "COLOR"sv ? "red" : nullptr;
}

Result<RunRequest> run_request(Words words) {
    words.insert(words.begin(), "run");
    const auto invocation = parse_invocation(words);
    if (!invocation)
        return std::unexpected(invocation.error());
    return parse_run_request(*invocation, "/home/joe", variable_of_test);
}

std::string fault_of_run(const Words &words) {
    const auto request = run_request(words);
    return request ? "" : request.error().message;
}

TEST(RunRequestTest, OptionsEndAtTheCommand) {
    for (const Words &words : {Words{"--memory=2G", "--", "ls", "--memory=1", "-l"},
                               Words{"--memory=2G", "ls", "--memory=1", "-l"}}) {
        const auto request = run_request(words);
        ASSERT_TRUE(request) << request.error().message;
        EXPECT_EQ(request->memory, "2G");
        EXPECT_EQ(request->command, (Words{"ls", "--memory=1", "-l"}));
        EXPECT_EQ(request->root, "/");
        EXPECT_EQ(request->timeout_usec, 0u);
    }
    EXPECT_EQ(fault_of_run({}), "which command? It is: qemunitctl run [OPTION...] -- COMMAND...");
}

TEST(RunRequestTest, PathsAreThoseOfTheCallersFolder) {
    const auto request =
        run_request({"--kernel=linux/bzImage", "--share=src/", "--share=../all:ro", "--initrd=/i",
                     "--timeout=2min", "--env=COLOR", "--env=A=b=c", "--env=EMPTY=", "true"});
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->kernel, "/home/joe/linux/bzImage");
    ASSERT_EQ(request->shares.size(), 2u);
    EXPECT_EQ(request->shares[0].path, "/home/joe/src");
    EXPECT_FALSE(request->shares[0].read_only);
    EXPECT_EQ(request->shares[1].path, "/home/all");
    EXPECT_TRUE(request->shares[1].read_only);
    EXPECT_EQ(request->initrd, "/i");
    EXPECT_EQ(request->root, "");  // the initrd is
    EXPECT_EQ(request->timeout_usec, 120'000'000u);
    EXPECT_EQ(request->environment, (Words{"COLOR=red", "A=b=c", "EMPTY="}));
}

TEST(RunRequestTest, ArgumentsThatAreImpossible) {
    EXPECT_EQ(fault_of_run({"--kernel=a", "--host-kernel", "true"}),
              "--kernel and --host-kernel exclude each other");
    EXPECT_EQ(fault_of_run({"--arch=sparc", "true"}),
              "--arch=sparc: none of x86_64, i386, aarch64, arm and riscv64");
    const std::string foreign = architecture_of_this_machine() == "riscv64" ? "arm64" : "riscv64";
    EXPECT_EQ(fault_of_run({"--arch=" + foreign, "--host-kernel", "true"}),
              "--arch and --host-kernel exclude each other");
    EXPECT_EQ(fault_of_run({"--arch=" + foreign, "true"}),
              "no program of this machine runs on " + architecture_named(foreign) +
                  ": name a tree of that architecture by --root=, --initrd= or --image=");
    EXPECT_EQ(fault_of_run({"--arch=" + foreign, "--root=/srv/tree", "true"}), "");
    EXPECT_EQ(fault_of_run({"--arch=" + architecture_of_this_machine(), "true"}), "");
    EXPECT_EQ(fault_of_run({"--memory=lots", "true"}),
              "--memory=lots: not a size; write 512M or 2G");
    EXPECT_EQ(fault_of_run({"--cpus=0", "true"}), "--cpus=0: not a number of CPUs");
    EXPECT_EQ(fault_of_run({"--env=NOSUCH", "true"}),
              "--env=NOSUCH: there is no such variable here; to give one, write "
              "--env=NOSUCH=VALUE");
    EXPECT_EQ(fault_of_run({"--env==x", "true"}), "--env==x: not the name of a variable");
    EXPECT_EQ(fault_of_run({"--share=/", "true"}),
              "--share=/ would cover the guest's root; that is --root=/");
    EXPECT_EQ(fault_of_run({"--append=a\nArguments=-x", "true"}),
              "--append must not have more than one line");
}

// As cpio(1) reads it.
TEST(RunArchiveTest, IsCpio) {
    Cpio archive;
    archive.add_folder("dev");
    archive.add_file("qemunit-init", "12345", 0755);
    archive.add_file("empty", "", 0600);
    const std::string bytes = archive.end();
    EXPECT_EQ(bytes.size() % 512, 0u);
    const testing::TemporaryFolder folder;
    const std::string file = folder.write("archive", bytes);
    const auto listed = testing::run_program(
        {"/bin/sh", "-c",
         "cpio --quiet -tv <" + file + " && cpio --quiet -i --to-stdout qemunit-init <" + file});
    EXPECT_EQ(listed.exit_code, 0);
    EXPECT_NE(listed.output.find("drwxr-xr-x   2 root"), std::string::npos) << listed.output;
    EXPECT_NE(listed.output.find("-rwxr-xr-x   1 root"), std::string::npos) << listed.output;
    EXPECT_TRUE(listed.output.ends_with("12345")) << listed.output;
}

constexpr char kModulesDep[] =
    "kernel/fs/netfs/netfs.ko:\n"
    "kernel/fs/fscache/fscache.ko: kernel/fs/netfs/netfs.ko\n"
    "kernel/fs/9p/9p.ko.xz: kernel/fs/fscache/fscache.ko kernel/fs/netfs/netfs.ko "
    "kernel/net/9pnet.ko\n"
    "kernel/net/9pnet.ko:\n"
    "kernel/drivers/virtio-pci.ko.zst:\n";

TEST(RunModulesTest, WhatAModuleNeedsComesFirst) {
    EXPECT_EQ(modules_in_order(kModulesDep, {"virtio_pci", "9p", "9pnet", "built_in"}),
              (Words{"kernel/drivers/virtio-pci.ko.zst", "kernel/net/9pnet.ko",
                     "kernel/fs/netfs/netfs.ko", "kernel/fs/fscache/fscache.ko",
                     "kernel/fs/9p/9p.ko.xz"}));
    EXPECT_EQ(modules_in_order("", {"9p"}), Words{});
    EXPECT_EQ(modules_in_order("no colon\n:\n", {"9p"}), Words{});
}

TEST(RunModulesTest, AreUnpacked) {
    const testing::TemporaryFolder folder;
    folder.write("modules.dep", "a.ko.xz: b.ko.gz\nb.ko.gz:\nc.ko:\n");
    folder.write("c.ko", "third");
    const auto packed = testing::run_program(
        {"/bin/sh", "-c", "cd \"$1\" && echo first | xz >a.ko.xz && echo second | gzip >b.ko.gz",
         "sh", folder.path()});
    ASSERT_EQ(packed.exit_code, 0) << packed.errors;
    const auto modules = read_modules(folder.path(), {"a", "c"});
    ASSERT_TRUE(modules) << modules.error().message;
    ASSERT_EQ(modules->size(), 3u);
    EXPECT_EQ((*modules)[0].path, "qemunit-modules/b.ko");
    EXPECT_EQ((*modules)[0].content, "second\n");
    EXPECT_EQ((*modules)[1].content, "first\n");
    EXPECT_EQ((*modules)[2].content, "third");
    folder.write("a.ko.xz", "no archive");
    EXPECT_EQ(read_modules(folder.path(), {"a"}).error().message,
              "cannot unpack " + folder.path() + "/a.ko.xz with xz");
    EXPECT_TRUE(read_modules(folder / "nosuch", {"a"})->empty());
}

TEST(RunKernelTest, TellsItsVersion) {
    std::string image(0x1000, '\0');
    image.replace(0x202, 4, "HdrS");
    image[0x20e] = '\x00';
    image[0x20f] = '\x04';
    image.replace(0x600, 25, "6.1.0-57-amd64 (someone) ");
    EXPECT_EQ(version_of_bzimage(image), "6.1.0-57-amd64");
    image.replace(0x600, 12, "../../tmp/x ");
    EXPECT_EQ(version_of_bzimage(image), std::nullopt) << "a path";
    image[0x20f] = '\x7f';  // beyond the end
    EXPECT_EQ(version_of_bzimage(image), std::nullopt);
    EXPECT_EQ(version_of_bzimage("MZ"), std::nullopt);
    EXPECT_EQ(version_of_bzimage(""), std::nullopt);
    EXPECT_EQ(find_kernel("/nosuch", false).error().message,
              "cannot read the kernel /nosuch: No such file or directory");
}

// "nobody" stands for whoever has laid out the folder that root is in.
class RunKernelHereTest : public RootsFolderTest {
  protected:
    void fill() override {
        before_ = std::filesystem::current_path();
        std::filesystem::current_path(root);
        std::filesystem::create_directories("arch/x86/boot");
        std::ofstream("arch/x86/boot/bzImage") << "MZ";
    }
    void TearDown() override {
        if (!before_.empty())
            std::filesystem::current_path(before_);
        RootsFolderTest::TearDown();
    }
    static int fault() {
        const auto kernel = find_kernel("", false);
        return kernel ? 0 : kernel.error().code;
    }

  private:
    std::filesystem::path before_;
};

TEST_F(RunKernelHereTest, IsOnesOwn) {
    EXPECT_EQ(find_kernel("", false)->path, "arch/x86/boot/bzImage");
    for (const char *path : {".", "arch/x86", "arch/x86/boot/bzImage"}) {
        ASSERT_EQ(chown(path, kNobody, kNobody), 0);
        EXPECT_EQ(fault(), EPERM) << path;
        ASSERT_EQ(chown(path, 0, 0), 0);
    }
    EXPECT_EQ(fault(), 0);
    ASSERT_EQ(chmod("arch", 0777), 0);
    EXPECT_EQ(fault(), EPERM);
    EXPECT_EQ(find_kernel("arch/x86/boot/bzImage", false)->path, "arch/x86/boot/bzImage")
        << "it is named";
    ASSERT_EQ(chmod("arch", 01777), 0);
    EXPECT_EQ(fault(), 0);
    std::filesystem::rename("arch", "real");
    std::filesystem::create_symlink("real", "arch");
    EXPECT_EQ(fault(), 0);
    ASSERT_EQ(lchown("arch", kNobody, kNobody), 0);
    EXPECT_EQ(fault(), EPERM) << "a link of somebody else's";
}

RunMachine machine_of_test() {
    return {.kernel = 100,
            .initrd = 101,
            .folders = {{"run-root", "", 102, true}, {"run-share-0", "/srv/a b", 103, false}},
            .console = "ttyS0",
            .words = " no_timer_check"};
}

TEST(RunMachineTest, TheGeneratorTakesItsIni) {
    const auto request = run_request({"--append=one  two", "true"});
    ASSERT_TRUE(request);
    const std::string ini =
        run_ini(*request, machine_of_test(), "[VM]\nDescription=mine\nMemory=8G");
    const testing::TemporaryFolder folder;
    const std::string file = folder.write("ini", ini);
    const auto made =
        testing::run_program({"/bin/sh", "-c", QEMUNIT_GENERATOR " --run 12345678 <" + file});
    ASSERT_EQ(made.exit_code, 0) << made.errors << ini;
    EXPECT_EQ(made.errors, "");
    const std::string words = made.output;
    EXPECT_TRUE(words.starts_with("qemu-run-12345678.service\0"sv)) << words;
    for (
        const std::string_view part :
        {"\0--caller\0--vm=run-12345678\0--serial=serial\0--channel=run-in\0"sv,
         "\0-m\0001024M\0"sv, "\0-kernel\0/proc/self/fd/100\0-initrd\0/proc/self/fd/101\0"sv,
         "\0-append\0console=ttyS0 panic=-1 quiet no_timer_check one  two rdinit=/qemunit-init\0"sv,
         "\0-fsdev\0local,id=run-share-0,path=/proc/self/fd/103,security_model=none,multidevs=remap\0"sv,
         "path=/proc/self/fd/102,security_model=none,multidevs=remap,readonly=on\0"sv,
         "\0-no-reboot\0"sv})
        EXPECT_NE(words.find(part), std::string::npos) << part << "\nin " << words;
    EXPECT_EQ(words.find("--reads"), std::string::npos);
}

TEST(RunMachineTest, HasANetworkCardThatIsConnected) {
    auto request = run_request({"--network", "--arch=arm64", "--root=/srv/tree", "true"});
    ASSERT_TRUE(request);
    RunMachine machine = machine_of_test();
    machine.network = 104;
    const testing::TemporaryFolder folder;
    const std::string file = folder.write("ini", run_ini(*request, machine, ""));
    const auto made =
        testing::run_program({"/bin/sh", "-c", QEMUNIT_GENERATOR " --run 12345678 <" + file});
    ASSERT_EQ(made.exit_code, 0) << made.errors;
    EXPECT_EQ(made.errors, "");
    for (const std::string_view part :
         {"/qemu-system-aarch64\0"sv,
          "\0-netdev\0stream,id=run-net,server=off,addr.type=fd,addr.str=104\0"sv,
          "\0-device\0virtio-net-pci,netdev=run-net,romfile=\0"sv})
        EXPECT_NE(made.output.find(part), std::string::npos) << part << "\nin " << made.output;
    const std::string job = run_job(
        *request, machine, {}, {.folder = "/", .terminal = "", .language = "", .host = "guest"});
    EXPECT_NE(job.find("\0network=10.0.2.15 255.255.255.0 10.0.2.2 10.0.2.3\0"sv), job.npos) << job;
    const auto modules = run_modules(*request);
    EXPECT_EQ(std::ranges::count(modules, "virtio_net"), 1);
}

TEST(RunMachineTest, ATerminalIsAsBigAsTheCallers) {
    const auto request = run_request({"-t", "sh"});
    ASSERT_TRUE(request);
    const std::string job = run_job(
        *request, machine_of_test(), {},
        {.folder = "/", .terminal = "", .language = "", .host = "guest", .window = "33 101"});
    EXPECT_NE(job.find("\0terminal=33 101\0"sv), job.npos) << job;
    EXPECT_EQ(job.find("network="), job.npos);
}

TEST(RunMachineTest, TheGeneratorRefusesWhatNeedsMore) {
    const testing::TemporaryFolder folder;
    const std::string file = folder.write("ini",
                                          "[VM]\nTPM=yes\n[Drive a]\nFile=/a\n[Network b]\n"
                                          "[HostDevice c]\nUSB=1-1\n");
    const auto made =
        testing::run_program({"/bin/sh", "-c", QEMUNIT_GENERATOR " --run 12345678 <" + file});
    EXPECT_EQ(made.exit_code, 1);
    EXPECT_EQ(made.output, "");
    for (const char *what :
         {":2: TPM= has no place in a VM of `qemunitctl run`", ":3: [Drive a] has no place",
          ":5: [Network b] has no place", ":6: [HostDevice c] has no place"})
        EXPECT_NE(made.errors.find(what), std::string::npos) << made.errors;
}

TEST(RunMachineTest, OrdersOfTheGuest) {
    auto request = run_request({"--env=A=b", "sh", "-c", "a\nb"});
    ASSERT_TRUE(request);
    EXPECT_EQ(
        run_job(*request, machine_of_test(), {{"qemunit-modules/a.ko", "…"}},
                {.folder = "/home/joe", .terminal = "xterm", .language = "", .host = "guest"}),
        "module=/qemunit-modules/a.ko\0root=9p:run-root\0share=rw:run-share-0:/srv/a b\0"
        "host=guest\0folder=/home/joe\0"
        "env=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0"
        "env=HOME=/root\0env=USER=root\0env=LOGNAME=root\0env=SHELL=/bin/sh\0env=TERM=xterm\0"
        "env=QEMUNIT_OUTPUT=/run/qemunit-output\0env=QEMUNIT_EVENTS=/dev/null\0"
        "env=A=b\0arg=sh\0arg=-c\0arg=a\nb\0"sv);
}

// Returns why there is nothing to test here, or "".
std::string lack_of_views(const Result<FolderView> &view) {
    return view ? view->lack : view.error().message;
}

void expect_same_folder(int folder, const std::string &path, int other) {
    struct stat one {
    }, two{};
    EXPECT_EQ(fstatat(folder, path.c_str(), &one, 0), 0);
    EXPECT_EQ(fstat(other, &two), 0);
    EXPECT_EQ(one.st_ino, two.st_ino) << path;
    EXPECT_EQ(one.st_dev, two.st_dev) << path;
}

// As QEMU opens what was handed over.
UniqueFd opened_anew(const FolderView &view) {
    return UniqueFd(open(("/proc/self/fd/" + std::to_string(view.folder.get())).c_str(),
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

TEST(RunFolderTest, HasNothingAboveIt) {
    const testing::TemporaryFolder folder;
    folder.write("above", "");
    const std::string below = folder.write("in/deep/file", "text");
    for (const FolderUse use : {FolderUse::read, FolderUse::write}) {
        auto view = open_folder_view(folder / "in", use);
        if (const std::string lack = lack_of_views(view); !lack.empty())
            GTEST_SKIP() << "no mounts can be made here: " << lack;
        const UniqueFd opened = opened_anew(*view);
        ASSERT_TRUE(opened);
        for (const int fd : {view->folder.get(), opened.get()}) {
            for (const char *way : {".", "..", "../..", "deep/../.."})
                expect_same_folder(fd, way, fd);
            EXPECT_EQ(faccessat(fd, "../above", F_OK, 0), -1);
            EXPECT_EQ(faccessat(fd, "deep/file", F_OK, 0), 0);
        }
        // QEMU may close what it was handed.
        view->folder.reset();
        expect_same_folder(opened.get(), "..", opened.get());
    }
}

TEST(RunFolderTest, IsWrittenOnlyIfItMayBe) {
    const testing::TemporaryFolder folder;
    folder.write("file", "text");
    const auto read = open_folder_view(folder.path(), FolderUse::read);
    if (const std::string lack = lack_of_views(read); !lack.empty())
        GTEST_SKIP() << "no mounts can be made here: " << lack;
    EXPECT_FALSE(UniqueFd(openat(read->folder.get(), "file", O_WRONLY | O_CLOEXEC)));
    EXPECT_EQ(errno, EROFS);
    EXPECT_FALSE(
        UniqueFd(openat(read->folder.get(), "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)));
    EXPECT_EQ(errno, EROFS);
    const auto write = open_folder_view(folder.path(), FolderUse::write);
    ASSERT_TRUE(write && write->lack.empty());
    EXPECT_TRUE(UniqueFd(
        openat(write->folder.get(), "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)));
    EXPECT_EQ(folder.contents(),
              (std::map<std::string, std::string>{{"file", "text"}, {"new", ""}}));
}

TEST(RunFolderTest, HidesWhatIsOfTheRunningSystem) {
    const testing::TemporaryFolder folder;
    for (const char *name : {"proc/1", "run/socket", "dev/sda", "etc/run/kept"})
        folder.write(name, "");
    folder.link("sys", folder / "etc");
    const auto view = open_folder_view(folder.path(), FolderUse::read);
    if (const std::string lack = lack_of_views(view); !lack.empty())
        GTEST_SKIP() << "no mounts can be made here: " << lack;
    for (const char *name : {"proc/1", "run/socket", "dev/sda"})
        EXPECT_EQ(faccessat(view->folder.get(), name, F_OK, 0), -1) << name;
    for (const char *name : {"proc", "etc/run/kept"})
        EXPECT_EQ(faccessat(view->folder.get(), name, F_OK, 0), 0) << name;
    EXPECT_TRUE(std::filesystem::exists(folder / "proc/1"));
}

TEST(RunFolderTest, IsAFolder) {
    const testing::TemporaryFolder folder;
    const std::string file = folder.write("file", "");
    EXPECT_EQ(open_folder_view(file, FolderUse::read).error().message,
              "cannot open the folder " + file + ": Not a directory");
}

TEST(RunVerdictTest, EachEndHasItsStatus) {
    EXPECT_EQ(status_of({.kind = Kind::exited, .number = 7}), 7);
    EXPECT_EQ(report_of({.kind = Kind::exited, .number = 7}), "");
    EXPECT_EQ(status_of({.kind = Kind::killed, .number = 9}), 137);
    EXPECT_EQ(status_of({.kind = Kind::interrupted, .number = 2}), 130);
    EXPECT_EQ(status_of({.kind = Kind::timed_out, .text = "2s"}), 124);
    EXPECT_EQ(status_of({.kind = Kind::failed, .text = "no 9p"}), 125);
    EXPECT_EQ(status_of({.kind = Kind::hung_up}), 125);
    EXPECT_EQ(status_of({.kind = Kind::hung_up, .began = true}), 121);
    EXPECT_EQ(status_of({.kind = Kind::hung_up,
                         .console = "[ 1.0] Kernel panic - not syncing: VFS: no root\r\n"}),
              120);
}

TEST(RunVerdictTest, SaysWhatTheConsoleSaidLast) {
    std::string console = "early\r\n";
    for (int i = 0; i < 25; ++i)
        console += "line " + std::to_string(i) + "\r\n";
    const std::string report =
        report_of({.kind = Kind::hung_up, .began = true, .console = console});
    EXPECT_TRUE(report.starts_with(
        "qemunitctl run: the guest ended before the command did (exit status 121)\n"
        "The console's last lines:\n  | line 0\n"))
        << report;
    EXPECT_TRUE(report.ends_with("  | line 24\n")) << report;
    EXPECT_EQ(report_of({.kind = Kind::hung_up, .log = "<3>qemunit-helper: no QEMU\n"}),
              "qemunitctl run: the VM did not start (exit status 125)\n  qemunit-helper: no "
              "QEMU\n");
}

TEST(RunVerdictTest, WhoTellsWhatNobodyHereKnows) {
    EXPECT_TRUE(is_silent_failure({.kind = Kind::hung_up}));
    EXPECT_FALSE(is_silent_failure({.kind = Kind::hung_up, .log = "no QEMU"}));
    EXPECT_FALSE(is_silent_failure({.kind = Kind::timed_out}));
    EXPECT_TRUE(has_never_run({.kind = Kind::hung_up}));
    EXPECT_FALSE(has_never_run({.kind = Kind::hung_up, .log = "no QEMU"}));
    // A kernel that resets the machine at once.
    const Ending reset{.kind = Kind::hung_up, .helper_ran = true};
    EXPECT_TRUE(is_silent_failure(reset));
    EXPECT_FALSE(has_never_run(reset));
    EXPECT_EQ(report_of(reset),
              "qemunitctl run: the guest ended before the command began (exit status 125)\n");
    EXPECT_EQ(report_of({.kind = Kind::hung_up, .log = "no kernel\n", .helper_ran = true}),
              "qemunitctl run: the VM did not start (exit status 125)\n  no kernel\n");
    EXPECT_EQ(report_of({.kind = Kind::hung_up, .text = "journalctl -u qemu-run-1"}),
              "qemunitctl run: the VM did not start (exit status 125)\n"
              "  systemd says why: journalctl -u qemu-run-1\n");
    EXPECT_EQ(report_of({.kind = Kind::interrupted, .number = 13}), "");
    EXPECT_EQ(report_of({.kind = Kind::unheard, .text = "No space left on device", .console = "x"}),
              "qemunitctl run: cannot write standard output: No space left on device; the VM was "
              "ended (exit status 125)\n");
}

TEST(RunReportTest, JUnits) {
    const RunReport reports[] = {{"make <check>", 0, 1.5, "not shown"},
                                 {"a\nb", 7, 0, "say \"no\" & \x1b[\n"},
                                 {"c", 120, 0, ""}};
    EXPECT_EQ(junit_text(reports),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<testsuite name=\"qemunitctl run\" tests=\"3\" failures=\"1\" errors=\"1\" "
              "time=\"1.500\">\n"
              "<testcase name=\"make &lt;check&gt;\" time=\"1.500\">\n</testcase>\n"
              "<testcase name=\"a&#10;b\" time=\"0.000\">\n"
              "<failure message=\"exit status 7\">say &quot;no&quot; &amp; \\x1b[&#10;</failure>\n"
              "</testcase>\n"
              "<testcase name=\"c\" time=\"0.000\">\n"
              "<error message=\"exit status 120\"></error>\n</testcase>\n</testsuite>\n");
}

TEST(RunReportTest, Tap) {
    EXPECT_EQ(tap_text(1, {"true", 0, 1, "said"}), "ok 1 - true\n");
    EXPECT_EQ(tap_text(2, {"a\nb", 7, 1, "one\ntwo"}),
              "not ok 2 - a b\n# exit status 7\n# one\n# two\n");
}

TEST(RunJobsTest, EachIsARunOfItsOwn) {
    const auto invocation = parse_invocation(
        {"--user", "run", "--jobs=4", "--console", "--output=out", "--append=", "--junit=report"});
    ASSERT_TRUE(invocation) << invocation.error().message;
    EXPECT_EQ(words_of_job(*invocation, 3, "a 'b'"),
              (Words{"qemunitctl", "--user", "run", "--console", "--output=out/3",
                     "--append=", "--", "sh", "-c", "a 'b'"}));
    const auto bad = parse_invocation({"run", "--jobs=0"});
    EXPECT_EQ(run_jobs(*bad).error().message, "--jobs=0: not a number from 1 to 256");
    const auto both = parse_invocation({"run", "--jobs=1", "true"});
    EXPECT_EQ(run_jobs(*both).error().message,
              "--jobs= takes its commands from standard input, a line each");
}

TEST(RunJobsTest, TheLastThatAJobSaidIsKept) {
    JobOutput output;
    EXPECT_EQ(output.last(), "");
    output.add("first");
    output.add(", second");
    EXPECT_EQ(output.last(), "first, second");
    const std::string much(60'000, 'x');
    for (int i = 0; i < 10; ++i)
        output.add(much);
    output.add("the end");
    const std::string last = output.last();
    EXPECT_EQ(last.size(), 64u << 10);
    EXPECT_EQ(last.find_first_not_of('x'), last.size() - 7);
    EXPECT_TRUE(last.ends_with("xthe end"));
}

}  // namespace
}  // namespace qemunit::ctl
