// SPDX-License-Identifier: MIT
#include "ctl/top/top_child.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/vm_name.h"

namespace qemunit::ctl {

namespace {

std::vector<std::string> with_manager(std::vector<std::string> command, Invocation::Bus bus) {
    if (bus == Invocation::Bus::user)
        command.insert(command.begin() + 1, "--user");
    return command;
}

// What is typed for it makes signals for us, too: Ctrl-Z stops both, and the rest is forgotten.
class Foreground {
  public:
    Foreground() {
        sigset_t stop;
        sigemptyset(&stop);
        sigaddset(&stop, SIGTSTP);
        sigprocmask(SIG_UNBLOCK, &stop, &before_);
    }
    ~Foreground() {
        sigprocmask(SIG_SETMASK, &before_, nullptr);
        // That of a signal which is pending discards it (sigaction(2) in POSIX).
        for (const int number : {SIGINT, SIGQUIT, SIGTSTP}) {
            std::signal(number, SIG_IGN);
            std::signal(number, SIG_DFL);
        }
    }
    Foreground(const Foreground &) = delete;
    Foreground &operator=(const Foreground &) = delete;

  private:
    sigset_t before_;
};

}  // namespace

Result<int> run_in_foreground(const std::vector<std::string> &command) {
    const Foreground foreground;
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int number : {SIGINT, SIGQUIT, SIGTSTP})
        sigaddset(&defaults, number);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char *> words;
    for (const std::string &word : command)
        words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(nullptr);
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, words.front(), nullptr, &attributes, words.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "cannot run " + command.front());
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail_errno(errno, "cannot wait for " + command.front());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// This program itself, whatever it was called as.
std::vector<std::string> console_command(Invocation::Bus bus, const std::string &vm) {
    return with_manager({"/proc/self/exe", "console", vm}, bus);
}

std::vector<std::string> journal_command(Invocation::Bus bus, const std::string &vm) {
    return with_manager({"journalctl", "--pager-end", "--unit=" + service_unit(vm)}, bus);
}

std::vector<std::string> stop_command(Invocation::Bus bus, const std::string &vm) {
    return with_manager({"systemctl", "stop", "--no-block", service_unit(vm)}, bus);
}

}  // namespace qemunit::ctl
