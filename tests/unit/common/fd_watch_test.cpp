// SPDX-License-Identifier: MIT
#include "common/fd_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

class FdWatchTest : public ::testing::Test {
  protected:
    Result<FdWatch> watch(FdWatch::Ready ready, uint32_t events = EPOLLIN) const {
        return FdWatch::create(loop.get(), pair.one.get(), events, "a socket", std::move(ready));
    }
    void write_to_it() const { ASSERT_EQ(write(pair.other.get(), "x", 1), 1); }

    testing::EventLoop loop;
    testing::SocketPair pair;
    uint32_t seen = 0;
};

TEST_F(FdWatchTest, CallsWhenThereIsSomethingToRead) {
    const auto watched = watch([&](uint32_t revents) { seen |= revents; });
    ASSERT_TRUE(watched);
    EXPECT_TRUE(*watched);
    loop.settle();
    EXPECT_EQ(seen, 0u);
    write_to_it();
    EXPECT_TRUE(loop.run_until([&] { return seen == EPOLLIN; }));
}

TEST_F(FdWatchTest, WaitsForOtherEventsWhenTold) {
    auto watched = watch([&](uint32_t revents) { seen |= revents; });
    ASSERT_TRUE(watched);
    watched->set_events(EPOLLOUT);
    write_to_it();
    EXPECT_TRUE(loop.run_until([&] { return seen == EPOLLOUT; }));
}

TEST_F(FdWatchTest, IsSilentWhileNotEnabled) {
    auto watched = watch([&](uint32_t revents) { seen |= revents; });
    ASSERT_TRUE(watched);
    watched->set_enabled(false);
    write_to_it();
    loop.settle();
    EXPECT_EQ(seen, 0u);
    watched->set_enabled(true);
    EXPECT_TRUE(loop.run_until([&] { return seen != 0; }));
}

TEST_F(FdWatchTest, HearsOfTheEndWithoutEvents) {
    const auto watched = watch([&](uint32_t revents) { seen |= revents; }, 0);
    ASSERT_TRUE(watched);
    pair.other.reset();
    EXPECT_TRUE(loop.run_until([&] { return (seen & EPOLLHUP) != 0; }));
}

TEST_F(FdWatchTest, IsSilentOnceReset) {
    auto watched = watch([&](uint32_t revents) { seen |= revents; });
    ASSERT_TRUE(watched);
    watched->reset();
    EXPECT_FALSE(*watched);
    write_to_it();
    loop.settle();
    EXPECT_EQ(seen, 0u);
}

// What the handler holds lives until the handler has returned.
TEST_F(FdWatchTest, MayBeDroppedByItsHandler) {
    const auto held = std::make_shared<int>(0);
    std::optional<FdWatch> owner;
    auto watched = watch([&owner, held](uint32_t) {
        owner.reset();
        ++*held;
    });
    ASSERT_TRUE(watched);
    owner = std::move(*watched);
    EXPECT_EQ(held.use_count(), 2);
    write_to_it();
    EXPECT_TRUE(loop.run_until([&] { return *held == 1; }));
    loop.settle();
    EXPECT_EQ(*held, 1);
    EXPECT_EQ(held.use_count(), 1);
}

TEST_F(FdWatchTest, ComesInTheOrderOfPriorities) {
    const testing::SocketPair other;
    std::string order;
    const auto late = watch([&](uint32_t) { order += "late "; });
    const auto early = FdWatch::create(
        loop.get(), other.one.get(), EPOLLIN, "a socket", [&](uint32_t) { order += "early "; },
        SD_EVENT_PRIORITY_IMPORTANT);
    ASSERT_TRUE(late);
    ASSERT_TRUE(early);
    write_to_it();
    ASSERT_EQ(write(other.other.get(), "x", 1), 1);
    EXPECT_TRUE(loop.run_until([&] { return !order.empty(); }));
    EXPECT_EQ(order.substr(0, 6), "early ");
}

TEST_F(FdWatchTest, NamesWhatCannotBeWatched) {
    const auto watched = FdWatch::create(loop.get(), 12345, EPOLLIN, "nothing", [](uint32_t) {});
    ASSERT_FALSE(watched);
    EXPECT_EQ(watched.error().code, EBADF);
    EXPECT_EQ(watched.error().message, "cannot watch nothing: Bad file descriptor");
}

TEST_F(FdWatchTest, TakesNoRegularFileForWhatBlocks) {
    const testing::TemporaryFolder folder;
    const UniqueFd file(open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const auto watched = FdWatch::create(loop.get(), file.get(), 0, "a file", [](uint32_t) {});
    ASSERT_FALSE(watched);
    EXPECT_EQ(watched.error().code, EPERM);
}

TEST_F(FdWatchTest, OfAnyFileIsReadyInEachRound) {
    const testing::TemporaryFolder folder;
    const UniqueFd file(open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    int times = 0;
    auto watched =
        FdWatch::of_any_file(loop.get(), file.get(), "a file", [&](uint32_t) { ++times; });
    ASSERT_TRUE(watched);
    EXPECT_TRUE(loop.run_until([&] { return times >= 3; }));
    watched->set_enabled(false);
    const int before = times;
    loop.settle();
    EXPECT_EQ(times, before);
}

TEST_F(FdWatchTest, OfAnyFileWaitsForASocket) {
    const auto watched = FdWatch::of_any_file(loop.get(), pair.one.get(), "a socket",
                                              [&](uint32_t revents) { seen |= revents; });
    ASSERT_TRUE(watched);
    loop.settle();
    EXPECT_EQ(seen, 0u);
    write_to_it();
    EXPECT_TRUE(loop.run_until([&] { return seen == EPOLLIN; }));
}

TEST(NoFdWatchTest, TakesEverything) {
    FdWatch none;
    EXPECT_FALSE(none);
    none.set_events(EPOLLIN);
    none.set_enabled(true);
    none.reset();
}

}  // namespace
}  // namespace qemunit
