// SPDX-License-Identifier: MIT
#include "helper/handover/successor_requests.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <csignal>

#include "helper/handover/supervision.h"

namespace qemunit::helper {
namespace {

class SuccessorRequestsTest : public ::testing::Test {
  protected:
    SuccessorRequestsTest() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, request_signal());
        sigprocmask(SIG_BLOCK, &signals, &before);
    }
    ~SuccessorRequestsTest() override {
        const timespec now{};
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, request_signal());
        while (sigtimedwait(&signals, nullptr, &now) > 0)
            continue;
        sigprocmask(SIG_SETMASK, &before, nullptr);
    }
    static UniqueFd some_fd() { return UniqueFd(memfd_create("some", MFD_CLOEXEC)); }
    std::optional<SuccessorRequest> sent(const SuccessorRequest &request) const {
        EXPECT_TRUE(send_request(ours.get(), getpid(), request));
        return receive_request(theirs.get());
    }

    UniqueFd ours, theirs;
    sigset_t before{};
};

TEST_F(SuccessorRequestsTest, ComeAsTheyWere) {
    SuccessorRequest start{.process = 47,
                           .order = {"pc-q35-10.0", "tcg", "/var/lib/qemunit/vm1/upgrade.cpr"},
                           .fds = {}};
    start.fds.emplace(kAnswerFd, some_fd());
    const auto started = sent(start);
    ASSERT_TRUE(started);
    EXPECT_EQ(started->kind, SuccessorRequest::Kind::start);
    EXPECT_EQ(started->process, 47);
    EXPECT_EQ(started->order.machine, "pc-q35-10.0");
    EXPECT_EQ(started->order.accelerator, "tcg");
    EXPECT_EQ(started->order.socket, "/var/lib/qemunit/vm1/upgrade.cpr");
    EXPECT_EQ(started->fds.count(kAnswerFd), 1u);

    SuccessorRequest adopt{
        .kind = SuccessorRequest::Kind::adopt, .process = 48, .order = {}, .fds = {}};
    adopt.fds.emplace(kQmpFd, some_fd());
    adopt.fds.emplace(guest_fd("serial"), some_fd());
    const auto adopted = sent(adopt);
    ASSERT_TRUE(adopted);
    EXPECT_EQ(adopted->process, 48);
    EXPECT_EQ(adopted->fds.size(), 2u);
    EXPECT_EQ(adopted->fds.count(guest_fd("serial")), 1u);

    const auto dropped = sent(
        {.kind = SuccessorRequest::Kind::drop, .process = -1, .order = {}, .set = 3, .fds = {}});
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->set, 3u);
    EXPECT_FALSE(receive_request(theirs.get()));
}

// A guest may have taken the companion over.
TEST_F(SuccessorRequestsTest, AreNothingElse) {
    for (const std::string_view text :
         {"", "start", "start 47 --successor=pc,tcg,/x", "start x --successor=pc,tcg,/x", "adopt ",
          "adopt 1\n", "adopt 47\nqmp\n", "drop ", "drop x", "exec /bin/sh"}) {
        send(ours.get(), text.data(), text.size(), 0);
        EXPECT_FALSE(receive_request(theirs.get())) << text;
    }
    for (const std::string_view order :
         {"--successor=", "--successor=pc,tcg", "--successor=pc,tcg,x", "--successor=p c,tcg,/x",
          "--successor=,tcg,/x", "--successor=pc,xen,/x", "--successor=pc,tcg,/x,y", "pc,tcg,/x"})
        EXPECT_FALSE(parse_successor_argument(order)) << order;
}

TEST_F(SuccessorRequestsTest, AHelperThatEndsHasSaidNothing) {
    ours.reset();
    EXPECT_FALSE(take_ends(theirs.get()));
}

}  // namespace
}  // namespace qemunit::helper
