// SPDX-License-Identifier: MIT
#include "tests/e2e/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>
#include <cstdlib>

namespace qemunit::e2e {

Terminal::Terminal(const std::vector<std::string> &command) {
    int master = -1, slave = -1;
    const winsize size{30, 100, 0, 0};
    if (openpty(&master, &slave, nullptr, nullptr, &size) != 0) {
        ADD_FAILURE() << "no pseudo-terminal";
        return;
    }
    master_.reset(master);
    slave_.reset(slave);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(slave, F_SETFD, FD_CLOEXEC);
    std::vector<char *> argv;
    for (const std::string &word : command)
        argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        setenv("TERM", "vt100", 1);
        if (login_tty(slave) == 0)
            execvp(argv.front(), argv.data());
        _exit(127);
    }
}

Terminal::~Terminal() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
}

void Terminal::type(std::string_view keys) {
    EXPECT_EQ(write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool Terminal::receive(const Deadline &deadline) {
    pollfd fds[] = {{master_.get(), POLLIN, 0}};
    char buffer[16384];
    if (poll(fds, 1, deadline.poll_timeout()) <= 0)
        return false;
    const ssize_t n = read(master_.get(), buffer, sizeof buffer);
    if (n > 0)
        received_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
}

Result<std::string> Terminal::read_until(std::string_view text, Deadline deadline) {
    for (;;) {
        if (auto at = received_.find(text); at != std::string::npos) {
            std::string result = received_.substr(0, at + text.size());
            received_.erase(0, result.size());
            return result;
        }
        if (!receive(deadline))
            return fail(ETIMEDOUT, "not on the screen: \"" + std::string(text) + "\"; but: \"" +
                                       received_ + "\"");
    }
}

int Terminal::wait(Deadline deadline) {
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    // Read meanwhile: it may wait for room on the screen.
    for (bool ended = false; !ended;) {
        pollfd fds[] = {{process.get(), POLLIN, 0}, {master_.get(), POLLIN, 0}};
        if (poll(fds, 2, deadline.poll_timeout()) <= 0)
            return -1;
        ended = fds[0].revents != 0;
        if (fds[1].revents != 0)
            receive(deadline);
    }
    while (receive(Deadline(std::chrono::milliseconds(0)))) {
    }
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool Terminal::is_cooked() const {
    termios settings{};
    return tcgetattr(slave_.get(), &settings) == 0 && (settings.c_lflag & ICANON) != 0 &&
           (settings.c_lflag & ECHO) != 0 && (settings.c_oflag & OPOST) != 0;
}

bool Terminal::wait_until_cooked(bool cooked, Deadline deadline) const {
    return wait_until([&] { return is_cooked() == cooked; }, deadline);
}

}  // namespace qemunit::e2e
