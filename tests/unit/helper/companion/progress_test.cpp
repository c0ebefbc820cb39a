// SPDX-License-Identifier: MIT
#include "helper/companion/progress.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "common/unique_fd.h"

namespace qemunit::helper {
namespace {

// A process that does one thing until it is killed.
class Child {
  public:
    explicit Child(void (*work)()) : pid_(fork()) {
        if (pid_ == 0) {
            work();
            _exit(0);
        }
    }
    ~Child() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;

    pid_t pid() const { return pid_; }
    void stop() const {
        kill(pid_, SIGSTOP);
        waitpid(pid_, nullptr, WUNTRACED);
    }

  private:
    pid_t pid_;
};

// It has come to rest at last, if it ever does.
bool comes_to_rest(Progress &progress) {
    for (int tries = 0; tries < 500; ++tries) {
        if (!progress.has_moved() && !progress.has_moved())
            return true;
        std::this_thread::yield();
    }
    return false;
}

void work_for_ever() {
    for (static std::atomic<unsigned> rounds = 0;;)
        ++rounds;
}

void wait_for_ever() {
    for (;;)
        pause();
}

TEST(ProgressTest, AProcessThatWorksMoves) {
    const Child child(work_for_ever);
    Progress progress(child.pid());
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(progress.has_moved());
    child.stop();
    EXPECT_TRUE(comes_to_rest(progress));
}

TEST(ProgressTest, AProcessThatWaitsForWhatNeverComesDoesNot) {
    const Child child(wait_for_ever);
    Progress progress(child.pid());
    EXPECT_TRUE(comes_to_rest(progress));
}

// A vCPU goes on while the main loop hangs.
TEST(ProgressTest, ItsOtherThreadsDoNotCount) {
    const Child child([] {
        std::thread(work_for_ever).detach();
        wait_for_ever();
    });
    Progress progress(child.pid());
    EXPECT_TRUE(comes_to_rest(progress));
}

TEST(ProgressTest, OneThatWaitsInBetweenMoves) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const UniqueFd reader(fds[0]), writer(fds[1]);
    static int input = -1;
    input = reader.get();
    const Child child([] {
        for (char byte = 0; read(input, &byte, 1) > 0;) {
        }
    });
    Progress progress(child.pid());
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(comes_to_rest(progress));
        ASSERT_EQ(write(writer.get(), "", 1), 1);
        bool has_moved = false;
        for (int tries = 0; tries < 100000 && !has_moved; ++tries)
            has_moved = progress.has_moved();
        EXPECT_TRUE(has_moved);
    }
}

TEST(ProgressTest, OfNoProcessNothingIsKnown) {
    Progress progress(-1);
    EXPECT_FALSE(progress.has_moved());
    EXPECT_FALSE(progress.has_moved());
}

}  // namespace
}  // namespace qemunit::helper
