// SPDX-License-Identifier: MIT
#include "helper/usernet/guest_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

namespace qemunit::helper {
namespace {

struct Ends {
    UniqueFd ours, qemus;
    Ends() {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0) {
            ours.reset(fds[0]);
            qemus.reset(fds[1]);
        }
    }
};

void ignore(Frame) {}

TEST(GuestStreamTest, AQemuThatBreaksTheRulesIsHungUpOn) {
    Ends ends;
    GuestStream stream;
    stream.connect(std::move(ends.ours));
    ASSERT_EQ(write(ends.qemus.get(), "\xff\xff\xff\xff", 4), 4);
    const auto received = stream.receive(ignore);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().message, "a frame of 4294967295 bytes, which QEMU never sends");
    EXPECT_FALSE(stream.is_connected());
    char byte = 0;
    EXPECT_EQ(read(ends.qemus.get(), &byte, 1), 0);
}

TEST(GuestStreamTest, TheNextQemuBeginsAnew) {
    GuestStream stream;
    {
        Ends ends;
        stream.connect(std::move(ends.ours));
        ASSERT_EQ(write(ends.qemus.get(),
                        "\0\0\0\x05"
                        "ab",
                        6),
                  6);  // the rest never comes
        EXPECT_TRUE(stream.receive(ignore));
        stream.send(std::vector<uint8_t>(100));
    }
    EXPECT_TRUE(stream.receive(ignore));
    EXPECT_FALSE(stream.is_connected());
    EXPECT_FALSE(stream.has_pending());
    Ends ends;
    stream.connect(std::move(ends.ours));
    ASSERT_EQ(write(ends.qemus.get(),
                    "\0\0\0\x02"
                    "cd",
                    6),
              6);
    std::string frame;
    EXPECT_TRUE(stream.receive([&](Frame bytes) { frame.assign(bytes.begin(), bytes.end()); }));
    EXPECT_EQ(frame, "cd");
}

TEST(GuestStreamTest, AQemuThatDoesNotReadLosesFrames) {
    Ends ends;
    GuestStream stream;
    stream.connect(std::move(ends.ours));
    const std::vector<uint8_t> frame(1514, 'x');
    for (int i = 0; i < 10'000; ++i) {
        stream.send(frame);
        stream.flush();
    }
    EXPECT_TRUE(stream.is_connected());
    EXPECT_TRUE(stream.has_pending());
    // What arrives are whole frames all the same.
    std::string got;
    char bytes[65536];
    for (ssize_t size = 1; size > 0; stream.flush())
        if ((size = read(ends.qemus.get(), bytes, sizeof bytes)) > 0)
            got.append(bytes, static_cast<std::size_t>(size));
    EXPECT_EQ(got.size() % (4 + frame.size()), 0u);
    EXPECT_LT(got.size(), std::size_t{2} << 20);
}

}  // namespace
}  // namespace qemunit::helper
