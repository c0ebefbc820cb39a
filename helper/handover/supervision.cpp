// SPDX-License-Identifier: MIT
#include "helper/handover/supervision.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

namespace qemunit::helper {

namespace {

constexpr uint64_t kMinute = 60'000'000;

uint64_t monotonic_usec() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<uint64_t>(now.tv_nsec) / 1'000;
}

void complain(std::string_view message) {
    fmt::print(stderr, "<3>qemunit-helper: {}\n", message);
}

// "was killed (SIGKILL)"
std::string how_it_ended(int status) {
    if (!WIFSIGNALED(status))
        return fmt::format("failed (exit status {})", WEXITSTATUS(status));
    const char *name = sigabbrev_np(WTERMSIG(status));
    return name ? fmt::format("was killed (SIG{})", name)
                : fmt::format("was killed (signal {})", WTERMSIG(status));
}

class Supervisor {
  public:
    Supervisor(const std::function<int(Handover &)> &work, const std::function<void()> &begun,
               const std::function<void(Handover &)> &serve, Handover &handover)
        : work_(work), begun_(begun), serve_(serve), handover_(handover) {
        sigemptyset(&heard_);
        sigaddset(&heard_, SIGCHLD);
        sigaddset(&heard_, kStopSignal);
        sigaddset(&heard_, power_off_signal());
        if (serve_)
            sigaddset(&heard_, request_signal());
    }

    int run() {
        handover_.supervisor = getpid();
        // A blocked signal stays pending until sigwaitinfo(), even if its default is to be ignored.
        sigprocmask(SIG_BLOCK, &heard_, &before_);
        if (!fork_worker())
            return EXIT_FAILURE;
        if (begun_)
            begun_();
        for (;;) {
            const int status = wait_for_end();
            if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
                return handover_.exit_status;
            if (!may_take_over()) {
                complain(fmt::format(
                    "the companion {}, the {}th time within a minute: nobody takes over any more; "
                    "the VM runs on, but its console is dead until it is restarted",
                    how_it_ended(status), kTakeoversMax + 1));
                return EXIT_FAILURE;
            }
            ++handover_.takeovers;
            if (!fork_worker())
                return EXIT_FAILURE;
            complain(
                fmt::format("the companion {}; another one takes over; lines of the console "
                            "may be missing, clients have to connect again",
                            how_it_ended(status)));
        }
    }

  private:
    bool fork_worker() {
        worker_ = fork();
        if (worker_ == 0) {
            sigprocmask(SIG_SETMASK, &before_, nullptr);
            _exit(work_(handover_));
        }
        if (worker_ < 0)
            complain(
                fmt::format("cannot fork a companion: {}; the VM runs on, but its console is "
                            "dead until it is restarted",
                            std::strerror(errno)));
        return worker_ > 0;
    }

    int wait_for_end() {
        for (;;) {
            const int number = sigwaitinfo(&heard_, nullptr);
            if (number == kStopSignal || number == power_off_signal()) {
                // systemd has sent the signal to the worker too, perhaps while there was none.
                if (handover_.stop_asked_usec == 0)
                    handover_.stop_asked_usec = monotonic_usec();
                kill(worker_, kStopSignal);
            }
            if (number == request_signal() && serve_)
                serve_(handover_);
            int status = 0;
            if (number == SIGCHLD && waitpid(worker_, &status, WNOHANG) == worker_)
                return status;
        }
    }

    bool may_take_over() {
        const uint64_t now = monotonic_usec();
        uint64_t &oldest = taken_over_[handover_.takeovers % kTakeoversMax];
        if (oldest != 0 && now - oldest < kMinute)
            return false;
        oldest = now;
        return true;
    }

    const std::function<int(Handover &)> &work_;
    const std::function<void()> &begun_;
    const std::function<void(Handover &)> &serve_;
    Handover &handover_;
    sigset_t heard_{}, before_{};
    pid_t worker_ = -1;
    std::array<uint64_t, kTakeoversMax> taken_over_{};  // the times of the last takeovers
};

}  // namespace

void ignore_signals_of_the_service() {
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGABRT})
        std::signal(number, SIG_IGN);
}

int supervise(const std::function<int(Handover &)> &work, const std::function<void()> &begun,
              const std::function<void(Handover &)> &serve) {
    ignore_signals_of_the_service();
    void *shared =
        mmap(nullptr, sizeof(Handover), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        complain(
            fmt::format("cannot share memory: {}; nobody takes over if the companion is killed",
                        std::strerror(errno)));
        Handover alone{};
        alone.supervisor = getpid();
        const int exit_code = work(alone);
        return exit_code == EXIT_SUCCESS ? alone.exit_status : exit_code;
    }
    return Supervisor(work, begun, serve, *new (shared) Handover{}).run();
}

}  // namespace qemunit::helper
