// SPDX-License-Identifier: MIT
#include "helper/start/taps.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace qemunit::helper {
namespace {

TEST(TapsTest, AnOpenOneIsInThePlaceOfItsName) {
    StoredFiles stored;
    stored.emplace("tap-lan", UniqueFd(dup(STDIN_FILENO)));
    stored.emplace("tap-other", UniqueFd(dup(STDIN_FILENO)));
    const int fd = stored.at("tap-lan").get();
    std::vector<std::string> qemu{"qemu",
                                  "-netdev",
                                  "tap,id=lan,ifname=vm1-lan,script=no,downscript=no",
                                  "-netdev",
                                  "tap,id=wan,ifname=vm1-wan,script=no,downscript=no",
                                  "-netdev",
                                  "user,id=other"};
    const auto taps = take_taps(stored, qemu);
    ASSERT_EQ(taps.fds.size(), 2u);
    EXPECT_EQ(taps.fds[0].get(), fd);
    EXPECT_EQ(taps.arguments, (std::vector<std::string>{
                                  "-add-fd", "fd=" + std::to_string(taps.fds[1].get()) +
                                                 ",set=1000,opaque=qemunit-tap:lan:vm1-lan"}));
    EXPECT_EQ(qemu[2], "tap,id=lan,fd=" + std::to_string(fd));
    EXPECT_EQ(qemu[4], "tap,id=wan,ifname=vm1-wan,script=no,downscript=no");
    EXPECT_EQ(stored.size(), 1u);
}

}  // namespace
}  // namespace qemunit::helper
