// SPDX-License-Identifier: MIT
#include "tests/e2e/sandbox_view.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "common/unique_fd.h"

namespace qemunit::e2e {

namespace {
constexpr int kCannotEnter = 255;
}

int open_inside(pid_t pid, const std::string &path, int flags) {
    const std::string proc = "/proc/" + std::to_string(pid);
    struct stat owner;
    UniqueFd mounts(open((proc + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
    if (!mounts || stat(proc.c_str(), &owner) < 0)
        return kCannotEnter;
    const pid_t child = fork();
    if (child == 0) {
        if (setns(mounts.get(), CLONE_NEWNS) < 0 || setgroups(0, nullptr) < 0 ||
            setgid(owner.st_gid) < 0 || setuid(owner.st_uid) < 0)
            _exit(kCannotEnter);
        _exit(open(path.c_str(), flags, 0600) < 0 ? errno : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : kCannotEnter;
}

}  // namespace qemunit::e2e
