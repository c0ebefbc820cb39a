// SPDX-License-Identifier: MIT
#include "ctl/new/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kKept = 8192;

struct Pipe {
    UniqueFd reading, writing;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The child's end of it: nothing is returned to.
[[noreturn]] void become(char *const *argv, int input, int output, int errors,
                         const ChildSetting &setting) {
    if (input < 0)
        input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    for (const int fd : setting.fds)
        fcntl(fd, F_SETFD, 0);
    if (const auto &account = setting.account; account && account->uid != geteuid())
        if (setgroups(account->groups.size(), account->groups.data()) != 0 ||
            setgid(account->gid) != 0 || setuid(account->uid) != 0)
            _exit(126);
    execvp(argv[0], argv);
    _exit(127);
}

// Whether the child, which shares the descriptor's position, has read since the last look.
bool has_read_on(int input, off_t &position) {
    const off_t now = lseek(input, 0, SEEK_CUR);
    return now != std::exchange(position, now);
}

class Lines {
  public:
    explicit Lines(const std::function<void(std::string_view)> &on_line) : on_line_(on_line) {}
    void feed(std::string_view bytes) {
        for (const char c : bytes) {
            if (c != '\n') {
                line_ += c;
                continue;
            }
            if (on_line_)
                on_line_(line_);
            line_.clear();
        }
        if (line_.size() > kKept)
            line_.clear();
    }

  private:
    const std::function<void(std::string_view)> &on_line_;
    std::string line_;
};

}  // namespace

Result<EndedChild> run_child(std::vector<std::string> command,
                             const std::function<void(std::string_view line)> &on_line, int input,
                             const ChildSetting &setting) {
    auto output = make_pipe(), errors = make_pipe();
    if (!output || !errors)
        return std::unexpected((output ? errors : output).error());
    std::vector<char *> argv;
    for (std::string &word : command)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot run " + command.front());
    if (child == 0)
        become(argv.data(), input, output->writing.get(), errors->writing.get(), setting);
    output->writing.reset();
    errors->writing.reset();
    EndedChild ended;
    Lines lines(on_line);
    bool is_silent = false;
    off_t position = 0;
    pollfd sources[] = {{output->reading.get(), POLLIN, 0}, {errors->reading.get(), POLLIN, 0}};
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(setting.total_ms);
    const auto patience = [&] {
        if (setting.total_ms == 0)
            return setting.silent_ms;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        return std::clamp(static_cast<int>(left.count()), 0, setting.silent_ms);
    };
    while (sources[0].fd >= 0 || sources[1].fd >= 0) {
        const int ready = poll(sources, 2, patience());
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0 && setting.has_no_silence && has_read_on(input, position))
            continue;
        is_silent = ready <= 0;
        if (is_silent)
            break;
        for (pollfd &source : sources) {
            char buffer[4096];
            if (source.fd < 0 || source.revents == 0)
                continue;
            const ssize_t n = read(source.fd, buffer, sizeof buffer);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                source.fd = -1;
                continue;
            }
            const std::string_view bytes(buffer, static_cast<std::size_t>(n));
            const bool is_output = &source == &sources[0];
            if (is_output)
                lines.feed(bytes);
            std::string &kept = is_output ? ended.output : ended.errors;
            kept.append(bytes.substr(0, kKept - std::min(kKept, kept.size())));
        }
    }
    if (is_silent)
        kill(child, SIGTERM);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (is_silent)
        return fail(ETIMEDOUT, command.front() + " says nothing any more, and was ended");
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    while (ended.errors.ends_with('\n'))
        ended.errors.pop_back();
    return ended;
}

}  // namespace qemunit::ctl
