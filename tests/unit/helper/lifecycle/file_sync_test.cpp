// SPDX-License-Identifier: MIT
//
// A file on its way to the disk.
#include "helper/lifecycle/file_sync.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;

struct Outcome {
    unsigned pieces = 0;
    std::optional<Result<>> result;
};

Outcome sync(int fd) {
    testing::EventLoop loop;
    Outcome outcome;
    auto sync = FileSync::start(
        loop.get(), fd, [&] { ++outcome.pieces; },
        [&](Result<> result) { outcome.result = std::move(result); });
    EXPECT_TRUE(sync);
    EXPECT_TRUE(loop.run_until([&] { return outcome.result.has_value(); }, 60s));
    return outcome;
}

TEST(FileSyncTest, SaysHowItGetsOn) {
    testing::TemporaryFolder folder;
    const std::string path = folder.write("file", "x");
    std::filesystem::resize_file(path, 50 << 20);
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const Outcome outcome = sync(fd.get());
    EXPECT_TRUE(*outcome.result);
    EXPECT_EQ(outcome.pieces, 4u);
}

TEST(FileSyncTest, WhatCannotBeSyncedIsAnError) {
    const Outcome outcome = sync(-1);
    ASSERT_FALSE(*outcome.result);
    EXPECT_EQ(outcome.result->error().message, "fsync: Bad file descriptor");
}

TEST(FileSyncTest, WhoDoesNotWaitIsNotCalled) {
    testing::EventLoop loop;
    bool called = false;
    {
        auto sync = FileSync::start(
            loop.get(), -1, [] {}, [&](const Result<> &) { called = true; });
        EXPECT_TRUE(sync);
    }
    loop.settle();
    EXPECT_FALSE(called);
}

}  // namespace
}  // namespace qemunit::helper
