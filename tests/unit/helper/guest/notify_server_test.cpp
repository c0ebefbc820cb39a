// SPDX-License-Identifier: MIT
//
// Guests that talk to the companion as systemd does, and those that do not.
#include "helper/guest/notify_server.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;

class NotifyServerTest : public ::testing::Test {
  protected:
    void listen(uint64_t timeout_usec = NotifyServer::kConnectionTimeout) {
        auto created = NotifyServer::create(
            loop.get(),
            {testing::listening_socket(folder / "notify"),
             [this](const sockaddr_vm &) {
                 return is_guest;
             }},
            [this](const NotifyMessage &message) { heard.push_back(message); }, timeout_usec);
        ASSERT_TRUE(created) << created.error().message;
        server = std::move(*created);
    }
    Peer connect() const { return Peer::connect(folder / "notify"); }
    // As sd_notify(3): the message, its end, and then the wait for ours.
    void say(const std::string &text) {
        Peer guest = connect();
        EXPECT_EQ(guest.write(text), text.size());
        guest.end_input();
        EXPECT_TRUE(loop.run_until([&] { return guest.has_ended(); }, 60s));
    }

    testing::TemporaryFolder folder;
    testing::EventLoop loop;
    bool is_guest = true;
    std::deque<NotifyMessage> heard;
    std::unique_ptr<NotifyServer> server;
};

TEST_F(NotifyServerTest, AConnectionIsAMessage) {
    listen();
    say("STATUS=booting");
    say("READY=1\nSTATUS=up");
    ASSERT_EQ(heard.size(), 2u);
    EXPECT_FALSE(heard[0].ready);
    EXPECT_EQ(heard[0].status, "booting");
    EXPECT_TRUE(heard[1].ready);
}

TEST_F(NotifyServerTest, AMessageCountsWhenItHasEnded) {
    listen();
    Peer guest = connect();
    guest.write("READY");
    say("STATUS=another");
    EXPECT_EQ(heard.size(), 1u);
    guest.write("=1");
    guest.close();
    EXPECT_TRUE(loop.run_until([&] { return heard.size() == 2; }, 60s));
    EXPECT_TRUE(heard.back().ready);
}

TEST_F(NotifyServerTest, AnotherThanTheGuestIsNotHeardAndItIsSaidOnce) {
    listen();
    is_guest = false;
    ::testing::internal::CaptureStderr();
    say("READY=1");
    say("READY=1");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "<4>qemunit-helper: not listening to somebody who is not the guest, at the VM's "
              "vsock port for READY=1; this is said once.\n");
    EXPECT_EQ(heard.size(), 0u);
    is_guest = true;
    say("READY=1");
    EXPECT_EQ(heard.size(), 1u);
}

TEST_F(NotifyServerTest, AMessageHasALimit) {
    listen();
    say("STATUS=" + std::string(kNotifyMessageMax - 7, 'x'));
    EXPECT_EQ(heard.size(), 1u);
    ::testing::internal::CaptureStderr();
    Peer guest = connect();
    guest.write("STATUS=" + std::string(kNotifyMessageMax, 'x'));
    EXPECT_TRUE(loop.run_until([&] { return guest.has_ended(); }, 60s));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "<4>qemunit-helper: not listening to the guest, whose message is too long, at the "
              "VM's vsock port for READY=1; this is said once.\n");
    EXPECT_EQ(heard.size(), 1u);
}

TEST_F(NotifyServerTest, AMessageThatDoesNotEndIsNone) {
    listen(100'000);
    ::testing::internal::CaptureStderr();
    Peer guest = connect();
    guest.write("READY=1\n");
    EXPECT_TRUE(loop.run_until([&] { return guest.has_ended(); }, 60s));
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("left a message unfinished"),
              std::string::npos);
    EXPECT_EQ(heard.size(), 0u);
}

TEST_F(NotifyServerTest, WhoComesWhileManyTalkWaits) {
    listen();
    std::vector<Peer> guests;
    for (std::size_t i = 0; i < 2 * NotifyServer::kConnectionsMax; ++i) {
        guests.push_back(connect());
        ASSERT_TRUE(guests.back());
        guests.back().write("STATUS=" + std::to_string(i));
    }
    for (Peer &guest : guests)
        guest.end_input();
    EXPECT_TRUE(loop.run_until([&] { return heard.size() == guests.size(); }, 60s));
}

TEST_F(NotifyServerTest, ATalkativeGuestIsHeardToTheEnd) {
    listen();
    for (unsigned i = 0; i < NotifyServer::kAcceptedMax + 10; ++i)
        say("STATUS=" + std::to_string(i));
    ASSERT_EQ(heard.size(), NotifyServer::kAcceptedMax + 10);
    EXPECT_EQ(heard.back().status, "109");
}

}  // namespace
}  // namespace qemunit::helper
