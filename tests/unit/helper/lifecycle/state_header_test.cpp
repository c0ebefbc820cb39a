// SPDX-License-Identifier: MIT
#include "helper/lifecycle/state_header.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit::helper {
namespace {

StateHeader example() {
    return {true, {.devices = {"cd"}, .media = {{"cd", {"/srv/one.iso", true}}}}};
}

UniqueFd file_with(std::string_view bytes) {
    UniqueFd file(memfd_create("state", MFD_CLOEXEC));
    EXPECT_EQ(write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return file;
}

TEST(StateHeader, IsReadAsItWasWritten) {
    const UniqueFd file = file_with("");
    ASSERT_TRUE(write_state_header(file.get(), example()));
    const auto read = read_state_header(file.get());
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->paused);
    EXPECT_EQ(read->hardware, example().hardware);
    EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 0);
    EXPECT_EQ(lseek(file.get(), 0, SEEK_END), kStateHeaderSize);
}

TEST(StateHeader, AStateOfAnOlderVersionHasNone) {
    EXPECT_FALSE(read_state_header(file_with("QEVM" + std::string(200'000, 'x')).get()));
    EXPECT_FALSE(read_state_header(file_with("QEVM").get()));
    EXPECT_FALSE(read_state_header(file_with("").get()));
}

TEST(StateHeader, ABrokenOneIsNone) {
    for (std::string text : {"qemunit-saved-state\n", "qemunit-saved-state\n{}",
                             "qemunit-saved-state\n{\"paused\":true,\"hardware\":\"{}\"}"}) {
        text.resize(kStateHeaderSize);
        EXPECT_FALSE(read_state_header(file_with(text).get())) << text;
    }
}

TEST(StateHeader, TooMuchDoesNotFit) {
    StateHeader header = example();
    header.hardware.devices.insert(std::string(kStateHeaderSize, 'x'));
    const auto written = write_state_header(file_with("").get(), header);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message,
              "the machine has more drives and devices than a saved state can tell");
}

}  // namespace
}  // namespace qemunit::helper
