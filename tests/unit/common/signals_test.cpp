// SPDX-License-Identifier: MIT
#include "common/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <optional>

#include "tests/unit/fake_qemu.h"

namespace qemunit {
namespace {

// The other tests of this process have their signals as before.
class SignalsTest : public ::testing::Test {
  protected:
    SignalsTest() { sigprocmask(SIG_SETMASK, nullptr, &before_); }
    ~SignalsTest() override { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

TEST_F(SignalsTest, EachArrives) {
    const testing::EventLoop loop;
    int times = 0;
    ASSERT_TRUE(watch_signals(loop.get(), {SIGUSR1, SIGUSR2}, [&] { ++times; }));
    raise(SIGUSR1);
    EXPECT_TRUE(loop.run_until([&] { return times == 1; }));
    raise(SIGUSR2);
    EXPECT_TRUE(loop.run_until([&] { return times == 2; }));
}

TEST_F(SignalsTest, HandlersLiveAsLongAsTheLoop) {
    const auto held = std::make_shared<int>(0);
    std::optional<testing::EventLoop> loop(std::in_place);
    ASSERT_TRUE(watch_signals(loop->get(), {SIGUSR1, SIGUSR2}, [held] { ++*held; }));
    raise(SIGUSR1);
    EXPECT_TRUE(loop->run_until([&] { return *held == 1; }));
    EXPECT_GT(held.use_count(), 1);
    loop.reset();
    EXPECT_EQ(held.use_count(), 1);
}

TEST_F(SignalsTest, OneThatCannotBeCaughtIsRefused) {
    const testing::EventLoop loop;
    const auto watched = watch_signals(loop.get(), {SIGKILL}, [] {});
    ASSERT_FALSE(watched);
    EXPECT_EQ(watched.error().message.find("cannot watch for signals: "), 0u);
}

}  // namespace
}  // namespace qemunit
