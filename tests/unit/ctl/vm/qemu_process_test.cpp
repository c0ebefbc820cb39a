// SPDX-License-Identifier: MIT
#include "ctl/vm/qemu_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "common/unique_fd.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

// As a package does it: a new file gets the name of the old one.
TEST(QemuProcessTest, AProgramThatWasReplaced) {
    const testing::TemporaryFolder folder;
    const std::string program = folder / "cat";
    std::filesystem::copy_file("/bin/cat", program);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reading(ends[0]), writing(ends[1]);
    const pid_t child = fork();
    if (child == 0) {
        dup2(reading.get(), STDIN_FILENO);
        execl(program.c_str(), program.c_str(), nullptr);
        _exit(1);
    }
    const auto pid = static_cast<uint32_t>(child);
    while (command_of_process(pid) != std::vector<std::string>{program})
        continue;  // it is this program yet
    EXPECT_FALSE(is_program_replaced(pid));
    std::filesystem::copy_file("/bin/cat", program + ".new");
    std::filesystem::rename(program + ".new", program);
    EXPECT_TRUE(is_program_replaced(pid));
    std::filesystem::remove(program);
    EXPECT_FALSE(is_program_replaced(pid));  // nothing is installed
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace qemunit::ctl
