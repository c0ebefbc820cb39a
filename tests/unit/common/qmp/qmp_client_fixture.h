// SPDX-License-Identifier: MIT
//
// The QMP client, with the test as its QEMU.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/qmp/qmp_client.h"
#include "tests/unit/fake_qemu.h"

namespace qemunit {

class QmpClientTest : public ::testing::Test {
  protected:
    static constexpr uint64_t kLong = 60'000'000;
    static constexpr std::size_t kMaxMessage = 100'000;

    QmpClientTest() {
        std::array<int, 2> fds{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        qemu = testing::FakeQemu(UniqueFd(fds[1]));
        auto created = QmpClient::create(loop.get(), UniqueFd(fds[0]), callbacks(), kMaxMessage);
        EXPECT_TRUE(created);
        client = std::move(*created);
    }

    QmpClient::Callbacks callbacks() {
        return {.ready =
                    [this] {
                        ready = true;
                        hook(on_ready);
                    },
                .event =
                    [this](const QmpEvent &event) {
                        events.push_back(event);
                        hook(on_event);
                    },
                .closed =
                    [this](const std::string &reason) {
                        closed.push_back(reason);
                        hook(on_closed);
                    }};
    }

    static void hook(const std::function<void()> &what) {
        if (what)
            what();
    }

    void make_ready() {
        ASSERT_TRUE(qemu.greet(loop));
        ASSERT_TRUE(loop.run_until([this] { return ready; }));
        qemu.forget();
    }

    void execute(std::string_view command, nlohmann::json arguments = nullptr,
                 uint64_t timeout = kLong) {
        client->execute(command, std::move(arguments), timeout, [this](QmpClient::Reply reply) {
            replies.push_back(std::move(reply));
            hook(on_reply);
        });
    }

    // Runs until all that the peer has said is dealt with.
    void settle() { loop.run_for(std::chrono::milliseconds(50)); }

    bool wait_for_replies(std::size_t n) {
        return loop.run_until([this, n] { return replies.size() >= n; });
    }

    bool wait_for_close() {
        return loop.run_until([this] { return !closed.empty(); });
    }

    testing::EventLoop loop;
    testing::FakeQemu qemu;
    std::unique_ptr<QmpClient> client;
    bool ready = false;
    std::vector<QmpEvent> events;
    std::vector<std::string> closed;
    std::vector<QmpClient::Reply> replies;
    std::function<void()> on_ready, on_event, on_closed, on_reply;
};

}  // namespace qemunit
