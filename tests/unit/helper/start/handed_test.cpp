// SPDX-License-Identifier: MIT
//
// What the helper takes from `qemunitctl run` over its standard input: the real thing, from the
// other end.
#include "helper/start/handed.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/run/protocol.h"
#include "ctl/run/handover.h"
#include "ctl/run/memory_file.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::helper {
namespace {

// Standard input as it was, afterwards.
class InputOf {
  public:
    explicit InputOf(int fd) : before_(dup(STDIN_FILENO)) { dup2(fd, STDIN_FILENO); }
    ~InputOf() { dup2(before_.get(), STDIN_FILENO); }

  private:
    UniqueFd before_;
};

std::pair<UniqueFd, UniqueFd> message_pair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(HandedTest, FilesHaveTheirNumbersAndSocketsTheirNames) {
    auto [ours, theirs] = message_pair();
    ctl::RunHandover handover;
    auto file = ctl::make_memory_file("test");
    ASSERT_TRUE(file && ctl::append_bytes(file->get(), "content"));
    EXPECT_EQ(handover.add_file(std::move(*file)), run::kFirstFile);
    auto socket = handover.add_socket("run-in");
    ASSERT_TRUE(socket);
    ASSERT_TRUE(handover.send(ours.get()));

    const InputOf input(theirs.get());
    theirs.reset();
    auto handed = take_handed();
    ASSERT_TRUE(handed) << handed.error().message;
    ASSERT_EQ(handed->files.size(), 1u);
    EXPECT_EQ(handed->files[0].get(), run::kFirstFile);
    EXPECT_EQ(ctl::read_whole("/proc/self/fd/100").value_or(""), "content");
    ASSERT_TRUE(handed->sockets.contains("run-in"));
    EXPECT_EQ(write(handed->sockets["run-in"].get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(read(socket->get(), &byte, 1), 1);
    EXPECT_EQ(read(STDIN_FILENO, &byte, 1), 0);
    EXPECT_EQ(read(ours.get(), &byte, 1), 1);  // the helper runs
    // The caller's end tells when the caller has gone.
    ours.reset();
    EXPECT_EQ(read(handed->caller.get(), &byte, 1), 0);
}

TEST(HandedTest, ACallerThatHasGoneOrSaysNothing) {
    auto [ours, theirs] = message_pair();
    const InputOf input(theirs.get());
    EXPECT_TRUE(
        take_handed().error().message.starts_with("cannot take what the caller hands over"));
    char byte = 0;
    EXPECT_EQ(recv(ours.get(), &byte, 1, MSG_DONTWAIT), -1);
    const InputOf again(theirs.get());
    ours.reset();
    EXPECT_EQ(take_handed().error().message, "the caller has gone");
}

}  // namespace
}  // namespace qemunit::helper
