// SPDX-License-Identifier: MIT
#include "ctl/migrate/tunnel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

namespace qemunit::ctl {

namespace {

constexpr std::size_t kLineMax = 64u << 10;

}  // namespace

std::vector<std::string> receive_words(const std::string &host, bool is_of_user,
                                       const std::vector<std::string> &options,
                                       const std::string &vm) {
    // A dead link is noticed after 15 s, and not when TCP gives up.
    std::vector<std::string> words{"ssh", "-T",
                                   "-o",  "ServerAliveInterval=5",
                                   "-o",  "ServerAliveCountMax=3",
                                   "-o",  "ConnectTimeout=20",
                                   host,  "qemunitctl"};
    if (is_of_user)
        words.emplace_back("--user");
    words.emplace_back("receive");
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(vm);
    return words;
}

Result<Tunnel> Tunnel::open(const std::vector<std::string> &words) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(errno, "cannot create a socket pair");
    UniqueFd ours(ends[0]), its(ends[1]);
    std::vector<std::string> copies = words;
    std::vector<char *> argv;
    for (std::string &word : copies)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        dup2(its.get(), STDIN_FILENO);
        dup2(its.get(), STDOUT_FILENO);
        execvp(argv.front(), argv.data());
        fmt::print(stderr, "qemunitctl: cannot run ssh: {}; is openssh-client installed?\n",
                   std::strerror(errno));
        _exit(127);
    }
    return Tunnel(std::move(ours), child);
}

Tunnel::Tunnel(Tunnel &&other) noexcept
    : socket_(std::move(other.socket_)), ssh_(std::exchange(other.ssh_, -1)) {}

Tunnel::~Tunnel() {
    socket_.reset();
    if (ssh_ <= 0)
        return;
    // Without a socket, ssh ends when the other side has ended; that one tidies up first.
    for (int tries = 0; tries < 300; ++tries) {
        if (waitpid(ssh_, nullptr, WNOHANG) != 0)
            return;
        poll(nullptr, 0, 100);
    }
    kill(ssh_, SIGTERM);
    waitpid(ssh_, nullptr, 0);
}

Result<> Tunnel::say(const std::string &line) {
    const std::string text = line + "\n";
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = send(socket_.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fail(errno, "ssh has ended");
        at += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return {};
}

Result<std::string> Tunnel::read_line(uint64_t timeout_usec) {
    return read_line_of(socket_.get(), timeout_usec);
}

Result<std::string> read_line_of(int fd, uint64_t timeout_usec) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::microseconds(timeout_usec);
    std::string line;
    while (line.size() < kLineMax) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd waiting{fd, POLLIN, 0};
        const int r = poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return fail(ETIMEDOUT, "the other host does not answer");
        char byte = 0;
        const ssize_t n = read(fd, &byte, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1)
            return fail(ECONNRESET, "the connection to the other host has ended");
        if (byte == '\n')
            return line;
        line += byte;
    }
    return fail(EPROTO, "the other host says a line without an end");
}

}  // namespace qemunit::ctl
