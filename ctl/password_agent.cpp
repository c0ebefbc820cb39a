// SPDX-License-Identifier: MIT
#include "ctl/password_agent.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "common/unique_fd.h"
#include "ctl/verbs.h"

namespace qemunit::ctl {

namespace {

// The agent connects to the bus, which may have to start polkit first.
constexpr int kReadyTimeoutMs = 30'000;
// The agent gives the terminal back as it was before it ends.
constexpr int kEndTimeoutMs = 5'000;

void wait_for(int fd, int timeout_ms) {
    pollfd fds[] = {{fd, POLLIN, 0}};
    while (poll(fds, 1, timeout_ms) < 0 && errno == EINTR) {
    }
}

// The agent speaks to the person, wherever the output of this program goes.
void speak_to_the_terminal() {
    const int tty = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        if (tty >= 0 && isatty(fd) == 0)
            dup2(tty, fd);
}

// With "--fallback", an agent of the user's session goes first. Where there is no session, such as
// in a container without logind, polkit takes a fallback for none at all
// (get_authentication_agent_for_subject() in polkitbackendinteractiveauthority.c), and this is how
// it looks for one (polkitbackendsessionmonitor-systemd.c).
bool has_session() {
    char *raw = nullptr;
    uid_t owner = 0;
    const bool has = sd_pid_get_session(0, &raw) >= 0 ||
                     (sd_pid_get_owner_uid(0, &owner) >= 0 && sd_uid_get_display(owner, &raw) >= 0);
    std::free(raw);
    return has;
}

[[noreturn]] void become_agent(pid_t parent, const std::string &ready_fd, bool is_fallback) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)  // the parent has just ended
        _exit(EXIT_FAILURE);
    speak_to_the_terminal();
    execlp("pkttyagent", "pkttyagent", "--notify-fd", ready_fd.c_str(),
           is_fallback ? "--fallback" : nullptr, nullptr);
    _exit(EXIT_FAILURE);
}

}  // namespace

bool PasswordAgent::is_wanted(const Invocation &invocation) {
    return invocation.verb->authorized && !invocation.no_ask_password &&
           invocation.bus == Invocation::Bus::system && geteuid() != 0 && isatty(STDIN_FILENO) == 1;
}

PasswordAgent PasswordAgent::start() {
    PasswordAgent agent;
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return agent;
    const UniqueFd readable(ready[0]);
    UniqueFd writable(ready[1]);
    const std::string name = fmt::to_string(writable.get());
    const pid_t parent = getpid();
    const bool is_fallback = has_session();
    agent.pid_ = fork();
    if (agent.pid_ == 0) {
        fcntl(writable.get(), F_SETFD, 0);
        become_agent(parent, name, is_fallback);
    }
    writable.reset();
    if (agent.pid_ > 0)
        wait_for(readable.get(), kReadyTimeoutMs);  // until the agent closes its end, or ends
    return agent;
}

PasswordAgent::~PasswordAgent() {
    if (pid_ <= 0)
        return;
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    kill(pid_, SIGTERM);
    kill(pid_, SIGCONT);
    wait_for(process.get(), kEndTimeoutMs);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

}  // namespace qemunit::ctl
