// SPDX-License-Identifier: MIT
#include "tests/unit/program.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/unique_fd.h"

namespace qemunit::testing {

namespace {

constexpr unsigned kNobody = 65534;
constexpr int kCannotRun = 127;

struct Pipe {
    Pipe() {
        int fds[2];
        EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
        reading.reset(fds[0]);
        writing.reset(fds[1]);
    }
    UniqueFd reading, writing;
};

std::vector<char *> pointers(std::vector<std::string> &texts) {
    std::vector<char *> result;
    for (std::string &text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// To the end of both.
void read_all(const UniqueFd &output, std::string &output_text, const UniqueFd &errors,
              std::string &errors_text) {
    pollfd sources[] = {{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}};
    std::string *texts[] = {&output_text, &errors_text};
    while (sources[0].fd >= 0 || sources[1].fd >= 0) {
        if (poll(sources, 2, -1) < 0 && errno != EINTR)
            return;
        for (std::size_t i = 0; i < 2; ++i) {
            char buffer[65536];
            if (sources[i].fd < 0 || sources[i].revents == 0)
                continue;
            const ssize_t n = read(sources[i].fd, buffer, sizeof buffer);
            if (n > 0)
                texts[i]->append(buffer, static_cast<std::size_t>(n));
            else if (n == 0 || errno != EINTR)
                sources[i].fd = -1;
        }
    }
}

}  // namespace

ProgramResult run_program(std::vector<std::string> command, const ProgramOptions &options) {
    Pipe output, errors;
    std::vector<std::string> environment = options.environment;
    const auto argv = pointers(command), envp = pointers(environment);
    const pid_t child = fork();
    if (child == 0) {
        dup2(open(options.input.c_str(), O_RDONLY | O_CLOEXEC), STDIN_FILENO);
        dup2(output.writing.get(), STDOUT_FILENO);
        dup2(errors.writing.get(), STDERR_FILENO);
        const rlimit address_space{options.address_space, options.address_space};
        if (options.address_space > 0 && setrlimit(RLIMIT_AS, &address_space) != 0)
            _exit(kCannotRun);
        if (options.unprivileged && geteuid() == 0 &&
            (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
             setresuid(kNobody, kNobody, kNobody) != 0))
            _exit(kCannotRun);
        execve(argv.front(), argv.data(), envp.data());
        _exit(kCannotRun);
    }
    output.writing.reset();
    errors.writing.reset();
    ProgramResult result;
    read_all(output.reading, result.output, errors.reading, result.errors);
    result.exit_code = wait_for(child);
    return result;
}

bool holds_in_child(const std::function<void()> &body) {
    std::fflush(nullptr);  // or the child would say it again
    const pid_t child = fork();
    if (child == 0) {
        body();
        std::fflush(nullptr);
        _exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    return wait_for(child) == 0;
}

}  // namespace qemunit::testing
