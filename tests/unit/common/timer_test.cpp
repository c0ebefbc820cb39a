// SPDX-License-Identifier: MIT
#include "common/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/unit/fake_qemu.h"

namespace qemunit {
namespace {

class TimerTest : public ::testing::Test {
  protected:
    Timer timer(std::function<void()> expired) const {
        auto created = Timer::create(loop.get(), std::move(expired), /*accuracy=*/1);
        EXPECT_TRUE(created);
        return created ? std::move(*created) : Timer();
    }

    testing::EventLoop loop;
    int times = 0;
};

TEST_F(TimerTest, IsStoppedAtFirst) {
    const Timer stopped = timer([&] { ++times; });
    EXPECT_TRUE(stopped);
    EXPECT_EQ(stopped.due(), UINT64_MAX);
    loop.settle();
    EXPECT_EQ(times, 0);
}

TEST_F(TimerTest, ExpiresOncePerStart) {
    Timer started = timer([&] { ++times; });
    const uint64_t before = monotonic_now(loop.get());
    started.start(kMillisecond);
    EXPECT_GE(started.due(), before + kMillisecond);
    EXPECT_TRUE(loop.run_until([&] { return times == 1; }));
    EXPECT_GE(monotonic_now(loop.get()), started.due());
    loop.settle();
    EXPECT_EQ(times, 1);
    started.start(0);
    EXPECT_TRUE(loop.run_until([&] { return times == 2; }));
}

TEST_F(TimerTest, BeginsAnewWhenStartedAnew) {
    Timer started = timer([&] { ++times; });
    started.start(0);
    started.start(3600 * kSecond);
    loop.settle();
    EXPECT_EQ(times, 0);
}

TEST_F(TimerTest, NeverExpiresOnceStopped) {
    Timer started = timer([&] { ++times; });
    started.start(0);
    started.stop();
    loop.settle();
    EXPECT_EQ(times, 0);
}

TEST_F(TimerTest, MayBeStartedByItsHandler) {
    Timer repeated;
    repeated = timer([&] {
        if (++times < 3)
            repeated.start(0);
    });
    repeated.start(0);
    EXPECT_TRUE(loop.run_until([&] { return times == 3; }));
    loop.settle();
    EXPECT_EQ(times, 3);
}

// What the handler holds lives until the handler has returned.
TEST_F(TimerTest, MayBeDroppedByItsHandler) {
    const auto held = std::make_shared<int>(0);
    Timer dropped;
    dropped = timer([&dropped, held] {
        dropped.reset();
        ++*held;
    });
    dropped.start(0);
    EXPECT_TRUE(loop.run_until([&] { return *held == 1; }));
    EXPECT_FALSE(dropped);
    loop.settle();
    EXPECT_EQ(held.use_count(), 1);
}

// Such a timer lets everything else be served first.
TEST_F(TimerTest, ComesInTheOrderOfPriorities) {
    std::string order;
    auto idle = Timer::create(
        loop.get(), [&] { order += "idle "; }, 1, SD_EVENT_PRIORITY_IDLE);
    ASSERT_TRUE(idle);
    Timer other = timer([&] { order += "other "; });
    idle->start(0);
    other.start(0);
    EXPECT_TRUE(loop.run_until([&] { return order.size() > 6; }));
    EXPECT_EQ(order, "other idle ");
}

TEST_F(TimerTest, NoneTakesEverything) {
    Timer none;
    EXPECT_FALSE(none);
    none.start(0);
    none.stop();
    none.reset();
    EXPECT_EQ(none.due(), UINT64_MAX);
}

TEST_F(TimerTest, OfOneShotNeverComesOnceItsHandleIsGone) {
    auto kept = start_timer(loop.get(), monotonic_now(loop.get()), [&] { ++times; });
    start_timer(loop.get(), monotonic_now(loop.get()), [&] { times += 100; })->reset();
    ASSERT_TRUE(kept);
    EXPECT_TRUE(loop.run_until([&] { return times != 0; }));
    loop.settle();
    EXPECT_EQ(times, 1);
}

}  // namespace
}  // namespace qemunit
