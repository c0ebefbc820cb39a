// SPDX-License-Identifier: MIT
#include "bus/access/file_beginning.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <optional>

#include "common/event_ptr.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit::bus {
namespace {

Result<std::string> beginning_of(const UniqueFd &file, std::size_t size) {
    sd_event *raw = nullptr;
    EXPECT_GE(sd_event_new(&raw), 0);
    const EventPtr event(raw);
    std::optional<Result<std::string>> read;
    read_beginning(raw, "1000", file.get(), size, monotonic_now(raw) + 30 * kSecond,
                   [&](Result<std::string> bytes) { read = std::move(bytes); });
    while (!read && sd_event_run(raw, UINT64_MAX) >= 0) {
    }
    // And the end of the process.
    EXPECT_GT(sd_event_run(raw, 30 * kSecond), 0);
    return *read;
}

TEST(FileBeginningTest, HasWhatIsThere) {
    const UniqueFd file(memfd_create("file", MFD_CLOEXEC));
    EXPECT_EQ(beginning_of(file, 80).value_or("?"), "");
    ASSERT_EQ(write(file.get(), "beginning", 9), 9);
    EXPECT_EQ(beginning_of(file, 80).value_or("?"), "beginning");
    EXPECT_EQ(beginning_of(file, 5).value_or("?"), "begin");
}

TEST(FileBeginningTest, SaysWhyItCannot) {
    const UniqueFd folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto read = beginning_of(folder, 80);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "the file cannot be read: Is a directory");
}

}  // namespace
}  // namespace qemunit::bus
