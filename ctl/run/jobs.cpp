// SPDX-License-Identifier: MIT
#include "ctl/run/jobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>

#include "common/unique_fd.h"
#include "common/whole_number.h"
#include "ctl/run/junit.h"
#include "ctl/run/report_file.h"

namespace qemunit::ctl {

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kMostAtOnce = 256;
constexpr std::size_t kReported = 64 << 10;
constexpr std::size_t kPieceOfOutput = 16 << 10;
// Of one job at a time, so that none keeps the others waiting.
constexpr int kPiecesAtOnce = 16;

struct RunningJob {
    std::size_t number = 0;
    Clock::time_point begin;
    UniqueFd output;  // a pipe's reading end, or nothing when it has ended
    JobOutput said;
};

// What is there now.
void read_output(RunningJob &job) {
    char piece[kPieceOfOutput];
    for (int i = 0; i < kPiecesAtOnce && job.output; ++i) {
        const ssize_t n = read(job.output.get(), piece, sizeof piece);
        if (n > 0)
            job.said.add({piece, static_cast<std::size_t>(n)});
        else if (n < 0 && errno == EAGAIN)
            return;
        else if (n == 0 || errno != EINTR)
            job.output.reset();
    }
}

[[noreturn]] void become_job(std::vector<std::string> words, int output, pid_t parent) {
    // Who kills this program kills its jobs, and they their VMs.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execv("/proc/self/exe", argv.data());
    _exit(EXIT_FAILURE);
}

class Jobs {
  public:
    Jobs(const Invocation &invocation, std::vector<std::string> commands, unsigned at_once)
        : invocation_(invocation), commands_(std::move(commands)), at_once_(at_once) {
        reports_.resize(commands_.size());
        sigemptyset(&heard_);
        for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP})
            sigaddset(&heard_, number);
        sigprocmask(SIG_BLOCK, &heard_, nullptr);
        signals_.reset(signalfd(-1, &heard_, SFD_CLOEXEC | SFD_NONBLOCK));
    }

    Result<int> run() {
        const auto junit = ReportFile::open(invocation_.value("--junit"));
        if (!junit)
            return std::unexpected(junit.error());
        if (!signals_)
            return fail_errno(errno, "cannot wait for signals");
        fmt::print("TAP version 13\n1..{}\n", commands_.size());
        while (!running_.empty() || (next_ < commands_.size() && !is_interrupted_)) {
            while (running_.size() < at_once_ && next_ < commands_.size() && !is_interrupted_)
                if (auto started = start(next_++); !started)
                    return std::unexpected(started.error());
            wait();
        }
        reports_.resize(next_);
        if (auto written = junit->write(junit_text(reports_)); !written)
            return std::unexpected(written.error());
        const bool is_good = !is_interrupted_ && std::ranges::all_of(reports_, [](const auto &one) {
            return one.status == 0;
        });
        return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
    }

  private:
    Result<> start(std::size_t index) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return fail_errno(errno, "cannot make a pipe");
        UniqueFd reading(ends[0]);
        const UniqueFd writing(ends[1]);
        // This end alone: a job that waits for room is a program like any other.
        if (fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0)
            return fail_errno(errno, "cannot make a pipe");
        std::fflush(stdout);
        const pid_t parent = getpid();
        const pid_t child = fork();
        if (child < 0)
            return fail_errno(errno, "cannot fork");
        if (child == 0)
            become_job(words_of_job(invocation_, index + 1, commands_[index]), writing.get(),
                       parent);
        running_[child] = {index, Clock::now(), std::move(reading), {}};
        return {};
    }

    // For a signal, or for what a job says. A job that says nothing has --timeout=.
    void wait() {
        std::vector<pollfd> polled{{signals_.get(), POLLIN, 0}};
        for (const auto &[child, job] : running_)
            if (job.output)
                polled.push_back({job.output.get(), POLLIN, 0});
        if (poll(polled.data(), polled.size(), -1) < 0)
            return;  // EINTR
        for (auto &[child, job] : running_)
            read_output(job);
        hear_signals();
    }

    void hear_signals() {
        signalfd_siginfo signal{};
        while (read(signals_.get(), &signal, sizeof signal) == sizeof signal)
            if (signal.ssi_signo != SIGCHLD) {
                is_interrupted_ = true;
                for (const auto &[child, job] : running_)
                    kill(child, static_cast<int>(signal.ssi_signo));
            }
        int status = 0;
        pid_t child = 0;
        while ((child = waitpid(-1, &status, WNOHANG)) > 0)
            if (auto job = running_.extract(child))
                finish(job.mapped(),
                       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }

    void finish(RunningJob &job, int status) {
        read_output(job);  // all that a pipe can hold
        std::string text = job.said.last();
        RunReport &report = reports_[job.number];
        report = {commands_[job.number], status,
                  std::chrono::duration<double>(Clock::now() - job.begin).count(), std::move(text)};
        fmt::print("{}", tap_text(job.number + 1, report));
        std::fflush(stdout);
    }

    const Invocation &invocation_;
    const std::vector<std::string> commands_;
    const unsigned at_once_;
    std::vector<RunReport> reports_;
    std::map<pid_t, RunningJob> running_;
    std::size_t next_ = 0;
    sigset_t heard_{};
    UniqueFd signals_;
    bool is_interrupted_ = false;
};

}  // namespace

void JobOutput::add(std::string_view piece) {
    text_ += piece;
    // Not at each piece, which would move the whole text.
    if (text_.size() > 2 * kReported)
        text_.erase(0, text_.size() - kReported);
}

std::string JobOutput::last() const {
    return text_.size() > kReported ? text_.substr(text_.size() - kReported) : text_;
}

std::vector<std::string> words_of_job(const Invocation &invocation, std::size_t number,
                                      const std::string &command) {
    std::vector<std::string> words{"qemunitctl"};
    if (invocation.bus == Invocation::Bus::user)
        words.emplace_back("--user");
    words.emplace_back("run");
    for (const auto &[option, value, takes_value] : invocation.given) {
        if (option == "--jobs" || option == "--junit")
            continue;
        if (option == "--output")
            words.push_back(fmt::format("{}={}/{}", option, value, number));
        else
            words.push_back(takes_value ? fmt::format("{}={}", option, value)
                                        : std::string(option));
    }
    words.insert(words.end(), {"--", "sh", "-c", command});
    return words;
}

Result<int> run_jobs(const Invocation &invocation) {
    const std::string number = invocation.value("--jobs");
    const auto at_once = whole_number<unsigned>(number, {.least = 1, .most = kMostAtOnce});
    if (!at_once)
        return fail(EINVAL,
                    fmt::format("--jobs={}: not a number from 1 to {}", number, kMostAtOnce));
    if (!invocation.arguments.empty())
        return fail(EINVAL, "--jobs= takes its commands from standard input, a line each");
    for (const std::string_view option : {"--gdb", "--events", "--terminal"})
        if (invocation.has(option))
            return fail(EINVAL, fmt::format("--jobs= and {} exclude each other", option));
    std::vector<std::string> commands;
    for (std::string line; std::getline(std::cin, line);)
        if (line.find_first_not_of(" \t") != line.npos && !line.starts_with('#'))
            commands.push_back(line);
    return Jobs(invocation, std::move(commands), *at_once).run();
}

}  // namespace qemunit::ctl
