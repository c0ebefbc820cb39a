// SPDX-License-Identifier: MIT
#include "generator/check/child_user.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "common/unique_fd.h"
#include "common/whole_number.h"

namespace qemunit::generator {

namespace {

constexpr int kYes = 0, kNo = 1, kUnknown = 2;  // exit codes of the child
constexpr int kPatienceSec = 5;
constexpr std::size_t kOutputMax = 1 << 20;

// By name, or by number, as User= has it.
const passwd *find_user(const std::string &user) {
    if (const passwd *entry = getpwnam(user.c_str()))
        return entry;
    const auto uid = whole_number<uid_t>(user);
    return uid ? getpwuid(*uid) : nullptr;
}

// The child becomes the user for good. It may call initgroups(3), which allocates memory, since it
// has no other thread that could hold the allocator's lock.
bool become(const passwd &entry) {
    return initgroups(entry.pw_name, entry.pw_gid) == 0 &&
           setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) == 0 &&
           setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) == 0;
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : kUnknown;
}

int seconds_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int>(now.tv_sec);
}

// Reads until the writer closes; false if that takes too long.
bool read_all(int fd, std::string &text) {
    const int deadline = seconds_now() + kPatienceSec;
    for (char buffer[4096];;) {
        pollfd readable{fd, POLLIN, 0};
        const int left = deadline - seconds_now();
        if (left <= 0 || text.size() > kOutputMax || poll(&readable, 1, left * 1000) == 0)
            return false;
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text.append(buffer, static_cast<std::size_t>(n));
    }
}

}  // namespace

std::optional<bool> may_open(const std::string &path, bool write, const std::string &user) {
    const UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
    const passwd *entry = find_user(user);
    if (!file || !entry || (geteuid() != 0 && geteuid() != entry->pw_uid))
        return std::nullopt;
    const pid_t child = fork();
    if (child < 0)
        return std::nullopt;
    if (child == 0) {
        if (geteuid() != entry->pw_uid && !become(*entry))
            _exit(kUnknown);
        // faccessat2(2), since Linux 5.8, asks about the file itself, not about the way to it.
        const long r = syscall(SYS_faccessat2, file.get(), "", write ? R_OK | W_OK : R_OK,
                               AT_EACCESS | AT_EMPTY_PATH);
        _exit(r == 0 ? kYes : errno == EACCES ? kNo : kUnknown);
    }
    const int answer = wait_for(child);
    return answer == kUnknown ? std::nullopt : std::optional(answer == kYes);
}

bool is_owned_by(const std::string &path, const std::string &user) {
    struct stat info {};
    const passwd *entry = find_user(user);
    return entry && stat(path.c_str(), &info) == 0 && info.st_uid == entry->pw_uid;
}

std::optional<std::string> output_of(const std::vector<std::string> &command,
                                     const std::string &user) {
    int ends[2];
    const passwd *entry = find_user(user);
    if ((geteuid() == 0 && !entry) || pipe2(ends, O_CLOEXEC) != 0)
        return std::nullopt;
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t child = fork();
    if (child < 0)
        return std::nullopt;
    if (child == 0) {
        std::vector<char *> argv;
        for (const std::string &word : command)
            argv.push_back(const_cast<char *>(word.c_str()));
        argv.push_back(nullptr);
        const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if ((geteuid() == 0 && !become(*entry)) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            dup2(nothing, STDIN_FILENO) < 0 || dup2(writer.get(), STDOUT_FILENO) < 0 ||
            dup2(nothing, STDERR_FILENO) < 0)
            _exit(kUnknown);
        execv(argv.front(), argv.data());
        _exit(kUnknown);
    }
    writer.reset();
    std::string text;
    const bool is_whole = read_all(reader.get(), text);
    if (!is_whole)
        kill(child, SIGKILL);
    return wait_for(child) == 0 && is_whole ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace qemunit::generator
