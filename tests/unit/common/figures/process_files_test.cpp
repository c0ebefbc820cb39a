// SPDX-License-Identifier: MIT
#include "common/figures/process_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

TEST(ProcessFilesTest, Texts) {
    EXPECT_EQ(unified_group("12:cpu:/x\n0::/machine.slice/qemu@a.service\n"),
              "/machine.slice/qemu@a.service");
    EXPECT_EQ(unified_group("0::/\n"), "/");
    EXPECT_EQ(unified_group("1:name=systemd:/a\n"), "");
    EXPECT_EQ(unified_group(""), "");
    EXPECT_EQ(number_behind("usage_usec 12\nuser_usec 3\n", "user_usec "), 3u);
    EXPECT_EQ(number_behind("Name:\tVmRSS:\nVmRSS:\t  70 kB\n", "VmRSS:"), 70u);
    EXPECT_EQ(number_behind("a 1", "b "), std::nullopt);
    EXPECT_EQ(number_behind("memory max\n", "memory "), std::nullopt);
    // A name may look like the fields behind it.
    const std::string stat = "7 (a) R 1 2) S 1 2 3";
    EXPECT_EQ(stat_field(stat, 4), 1u);
    EXPECT_EQ(stat_field(stat, 6), 3u);
    EXPECT_EQ(stat_field(stat, 7), std::nullopt);
    EXPECT_EQ(stat_field("", 4), std::nullopt);
}

TEST(ProcessFilesTest, AService) {
    const testing::TemporaryFolder root;
    const ProcessFiles files{root / "proc", root / "cgroup"};
    const auto write = [](const fs::path &path, const std::string &text) {
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
    };
    write(files.proc + "/7/cgroup", "0::/machine.slice/qemu@a.service\n");
    write(files.proc + "/7/status", "VmRSS:\t100 kB\nVmSwap:\t1 kB\n");
    write(files.proc + "/7/task/8/schedstat", "500 20 3\n");
    write(files.proc + "/7/task/8/stat",
          "8 (CPU 0/KVM) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
          "28 29 30 31 32 33 34 35 36 37 38 39 100 0 0\n");
    write(files.cgroup + "/machine.slice/qemu@a.service/cpu.stat", "usage_usec 42\n");
    write(files.cgroup + "/machine.slice/qemu@a.service/memory.current", "4096\n");
    const ProcessFigures figures = read_process_figures(7, {8, 9}, files);
    EXPECT_EQ(figures.cpu, 42'000u);
    EXPECT_EQ(figures.memory, 4096u);
    EXPECT_EQ(figures.resident, 102'400u);
    EXPECT_EQ(figures.swapped, 1024u);
    ASSERT_EQ(figures.threads.size(), 2u);
    EXPECT_EQ(figures.threads[0].running, 500u);
    EXPECT_EQ(figures.threads[0].waiting, 20u);
    EXPECT_EQ(figures.threads[0].guest, 100 * (1'000'000'000ull / 100));
    EXPECT_EQ(figures.threads[1].running, std::nullopt);
    EXPECT_EQ(read_process_figures(0, {}, files).cpu, std::nullopt);
    EXPECT_EQ(read_process_figures(99, {}, files).cpu, std::nullopt);
}

TEST(ProcessFilesTest, ThisProcess) {
    const auto pid = static_cast<uint32_t>(getpid());
    const ProcessFigures figures = read_process_figures(pid, {pid});
    EXPECT_GT(figures.resident.value_or(0), 0u);
    EXPECT_GT(figures.threads.at(0).running.value_or(0), 0u);
}

}  // namespace
}  // namespace qemunit
