// SPDX-License-Identifier: MIT
#include "tests/unit/helper/private_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/unique_fd.h"

namespace qemunit::testing {

namespace {

constexpr int kPassed = 0, kFailed = 1, kImpossible = 77;

bool write_file(const char *path, const std::string &text) {
    const UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
    return write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

// As root in a user namespace where we are not root outside.
bool enter_private_run() {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (user != 0 && (!write_file("/proc/self/setgroups", "deny") ||
                      !write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) ||
                      !write_file("/proc/self/gid_map", fmt::format("0 {} 1", group))))
        return false;
    std::error_code error;
    return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", "/run", "tmpfs", 0, nullptr) == 0 &&
           std::filesystem::create_directories("/run/systemd/journal", error);
}

PrivateRun in_private_run(const std::function<void()> &body) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        if (!enter_private_run())
            _exit(kImpossible);
        body();
        std::fflush(nullptr);
        _exit(::testing::Test::HasFailure() ? kFailed : kPassed);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == kImpossible)
        return PrivateRun::impossible;
    return WIFEXITED(status) && WEXITSTATUS(status) == kPassed ? PrivateRun::passed
                                                               : PrivateRun::failed;
}

}  // namespace qemunit::testing
