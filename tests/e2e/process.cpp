// SPDX-License-Identifier: MIT
#include "tests/e2e/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/unique_fd.h"

namespace qemunit::e2e {

namespace {

struct Pipe {
    UniqueFd read_end, write_end;
};

Pipe make_pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return {};
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

pid_t spawn(const std::vector<std::string> &command, int input, int output) {
    std::vector<char *> argv;
    for (const std::string &word : command)
        argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    pid_t pid = -1;
    const int r = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? pid : -1;
}

// Feeds and reads until the command has closed its output; false when the deadline passed.
bool converse(UniqueFd input, const std::string &text, int output, std::string &said,
              const Deadline &deadline) {
    std::size_t written = 0;
    fcntl(input.get(), F_SETFL, O_NONBLOCK);
    for (;;) {
        if (written == text.size())
            input.reset();
        pollfd fds[] = {{output, POLLIN, 0}, {input.get(), POLLOUT, 0}};  // -1 is ignored
        const int n = poll(fds, 2, deadline.poll_timeout());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        if (fds[1].revents) {
            const ssize_t r = write(input.get(), text.data() + written, text.size() - written);
            if (r >= 0)
                written += static_cast<std::size_t>(r);
            else if (errno != EAGAIN)
                written = text.size();  // it reads no more
        }
        if (fds[0].revents) {
            char buffer[65536];
            const ssize_t r = read(output, buffer, sizeof buffer);
            if (r <= 0)
                return true;
            said.append(buffer, static_cast<std::size_t>(r));
        }
    }
}

bool wait_for_end(pid_t pid, const Deadline &deadline) {
    UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    pollfd fds[] = {{handle.get(), POLLIN, 0}};
    return poll(fds, 1, deadline.poll_timeout()) > 0;
}

}  // namespace

std::ostream &operator<<(std::ostream &stream, const Finished &finished) {
    return stream << "'" << finished.command << "' ended with " << finished.status << " and said:\n"
                  << finished.output;
}

Finished run(const std::vector<std::string> &command, const std::string &input, Deadline deadline) {
    Finished finished;
    for (const std::string &word : command)
        finished.command += (finished.command.empty() ? "" : " ") + word;

    signal(SIGPIPE, SIG_IGN);
    Pipe to = make_pipe(), from = make_pipe();
    const pid_t pid = spawn(command, to.read_end.get(), from.write_end.get());
    if (pid < 0) {
        finished.output = "cannot run it";
        return finished;
    }
    to.read_end.reset();
    from.write_end.reset();
    const bool in_time =
        converse(std::move(to.write_end), input, from.read_end.get(), finished.output, deadline) &&
        wait_for_end(pid, deadline);
    if (!in_time) {
        kill(pid, SIGKILL);
        finished.output += "\n(killed: the deadline passed)";
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (in_time)
        finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

Finished run_words(const std::string &command_line, Deadline deadline) {
    std::istringstream words(command_line);
    return run({std::istream_iterator<std::string>(words), {}}, {}, deadline);
}

std::string read_file(const std::string &path) {
    const std::ifstream file(path, std::ios::binary);
    std::ostringstream content;  // a file of proc(5) whose process has ended is no exception
    content << file.rdbuf();
    return content.str();
}

std::string wait_for_text(const std::string &path, const std::string &text, Deadline deadline) {
    UniqueFd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    inotify_add_watch(changes.get(), path.c_str(), IN_MODIFY);
    for (;;) {
        std::string content = read_file(path);
        if (content.find(text) != std::string::npos || deadline.passed())
            return content;
        pollfd fds[] = {{changes.get(), POLLIN, 0}};
        poll(fds, 1, deadline.poll_timeout());
        char events[4096];
        while (read(changes.get(), events, sizeof events) > 0) {
        }
    }
}

bool wait_until_gone(const std::string &path, Deadline deadline) {
    return wait_until([&] { return !std::filesystem::exists(path); }, deadline);
}

void write_file(const std::string &path, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

std::string trimmed(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

}  // namespace qemunit::e2e
