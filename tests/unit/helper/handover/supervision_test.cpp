// SPDX-License-Identifier: MIT
//
// The supervisor with work that ends in every way, in processes of their own.
#include "helper/handover/supervision.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "common/unique_fd.h"

namespace qemunit::helper {
namespace {

struct Supervised {
    int status = -1;     // as wait(2) has it
    std::string errors;  // what was said on standard error
};

Supervised run_supervised(const std::function<int(Handover &)> &work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    UniqueFd reading(ends[0]), writing(ends[1]);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, kStopSignal);
    sigprocmask(SIG_BLOCK, &stop, nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(writing.get(), STDERR_FILENO);
        _exit(supervise([&](Handover &handover) {
            alarm(60);  // ends a hang
            return work(handover);
        }));
    }
    sigprocmask(SIG_UNBLOCK, &stop, nullptr);
    writing.reset();
    Supervised result;
    char buffer[4096];
    for (ssize_t n; (n = read(reading.get(), buffer, sizeof buffer)) > 0;)
        result.errors.append(buffer, static_cast<std::size_t>(n));
    EXPECT_EQ(waitpid(pid, &result.status, 0), pid);
    return result;
}

TEST(SupervisionTest, EndsAsItsChildDoes) {
    const Supervised result = run_supervised([](Handover &handover) {
        return handover.takeovers == 0 && handover.stop_asked_usec == 0 && !handover.is_ready
                   ? EXIT_SUCCESS
                   : EXIT_FAILURE;
    });
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "");
}

TEST(SupervisionTest, AnotherOneTakesOverWithWhatTheFirstHasLeft) {
    const Supervised result = run_supervised([](Handover &handover) {
        if (handover.takeovers == 0) {
            handover.is_ready = true;
            raise(SIGKILL);
        }
        if (handover.takeovers == 1)
            return 7;
        return handover.is_ready && handover.takeovers == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
    });
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors,
              "<3>qemunit-helper: the companion was killed (SIGKILL); another one takes over; "
              "lines of the console may be missing, clients have to connect again\n"
              "<3>qemunit-helper: the companion failed (exit status 7); another one takes over; "
              "lines of the console may be missing, clients have to connect again\n");
}

TEST(SupervisionTest, GivesUpWhenItNeverLasts) {
    const Supervised result = run_supervised([](Handover &handover) {
        if (handover.takeovers > kTakeoversMax)
            return EXIT_SUCCESS;
        raise(SIGKILL);
        return EXIT_SUCCESS;
    });
    ASSERT_TRUE(WIFEXITED(result.status));
    EXPECT_EQ(WEXITSTATUS(result.status), EXIT_FAILURE);
    EXPECT_TRUE(result.errors.ends_with(
        "<3>qemunit-helper: the companion was killed (SIGKILL), the 11th time within a minute: "
        "nobody takes over any more; the VM runs on, but its console is dead until it is "
        "restarted\n"))
        << result.errors;
}

TEST(SupervisionTest, SignalsOfTheServiceDoNotEndIt) {
    const Supervised result = run_supervised([](Handover &) {
        for (int number : {SIGTERM, SIGINT, SIGHUP, SIGABRT})
            kill(getppid(), number);
        return EXIT_SUCCESS;
    });
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "");
}

TEST(SupervisionTest, ASignalToStopIsNotLostBetweenTwo) {
    const Supervised result = run_supervised([](Handover &handover) {
        if (handover.takeovers == 0) {
            kill(getppid(), kStopSignal);
            raise(SIGKILL);
        }
        // It came to the one before, or comes to this one.
        sigset_t stop;
        sigemptyset(&stop);
        sigaddset(&stop, kStopSignal);
        if (handover.stop_asked_usec == 0)
            sigwaitinfo(&stop, nullptr);
        return handover.takeovers == 1 && handover.stop_asked_usec != 0 ? EXIT_SUCCESS
                                                                        : EXIT_FAILURE;
    });
    EXPECT_EQ(result.status, 0) << result.errors;
}

TEST(SupervisionTest, EndsWithTheExitStatusOfTheGuest) {
    const Supervised result = run_supervised([](Handover &handover) {
        if (handover.takeovers == 0) {
            handover.exit_status = 3;
            raise(SIGKILL);
        }
        return handover.supervisor == getppid() ? EXIT_SUCCESS : EXIT_FAILURE;
    });
    ASSERT_TRUE(WIFEXITED(result.status));
    EXPECT_EQ(WEXITSTATUS(result.status), 3);
}

}  // namespace
}  // namespace qemunit::helper
