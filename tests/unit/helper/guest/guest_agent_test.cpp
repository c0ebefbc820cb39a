// SPDX-License-Identifier: MIT
//
// The test plays the guest's agent, a good one and a hostile one.
#include "helper/guest/guest_agent.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;

class GuestAgentTest : public ::testing::Test {
  protected:
    GuestAgentTest() {
        testing::SocketPair pair;
        guest = Peer(std::move(pair.one));
        port = std::move(*SerialPort::create(loop.get(), "vm1",
                                             {.name = "agent",
                                              .guest = std::move(pair.other),
                                              .listener = testing::listening_socket(path),
                                              .log = false,
                                              .is_console = false},
                                             nullptr, [] {}));
        agent = std::make_unique<GuestAgent>(loop.get(), *port);
    }

    bool wait_until(const std::function<bool()> &done) const { return loop.run_until(done, 60s); }
    // Waits for the first question, and takes its id.
    uint64_t asked() {
        EXPECT_TRUE(agent->probe([this] { ++answers; }));
        EXPECT_TRUE(wait_until([this] { return guest.read().ends_with("}\n"); }));
        const auto question = nlohmann::json::parse(guest.read(), nullptr, false);
        EXPECT_EQ(question["execute"], "guest-sync") << guest.read();
        return question["arguments"]["id"].get<uint64_t>();
    }
    void answer(const std::string &text) {
        guest.write(text);
        loop.settle();
    }

    testing::TemporaryFolder folder;
    const std::string path = folder / "agent.sock";
    testing::EventLoop loop;
    Peer guest;
    std::unique_ptr<SerialPort> port;
    std::unique_ptr<GuestAgent> agent;
    int answers = 0;
};

TEST_F(GuestAgentTest, AnswersOnce) {
    const uint64_t id = asked();
    EXPECT_FALSE(agent->is_alive());
    answer("{\"return\": " + std::to_string(id) + "}\n");
    EXPECT_TRUE(agent->is_alive());
    answer("{\"return\": " + std::to_string(id) + "}\n");
    EXPECT_EQ(answers, 1);
}

TEST_F(GuestAgentTest, InPiecesAndBetweenOthersAnswers) {
    const uint64_t id = asked();
    answer("{\"return\": {\"a\": [1, 2]}}\n\xff{\"ret");
    answer("urn\": " + std::to_string(id));
    EXPECT_FALSE(agent->is_alive());
    answer("}\n");
    EXPECT_TRUE(agent->is_alive());
}

TEST_F(GuestAgentTest, WhatIsNoAnswerIsIgnored) {
    const uint64_t id = asked();
    const std::string number = std::to_string(id);
    for (const std::string &line :
         {std::string("{}"), std::string("[]"), std::string("{\"return\": 1}"),
          "{\"return\": \"" + number + "\"}", "{\"return\": -" + number + "}",
          "{\"error\": " + number + "}", "{\"return\": " + number + ".0}", "{\"return\": " + number,
          "{\"return\": [" + number + "]}", std::string(3000, '['), std::string("\xff\xff"),
          "{\"return\": " + number + "} x"})
        answer(line + "\n");
    // Longer than any answer to us.
    answer("{\"return\": " + number + ", \"x\": \"" + std::string(5000, 'x') + "\"}\n");
    testing::RandomText random(16);
    for (int i = 0; i < 100; ++i)
        answer(random.bytes(1000));
    answer("\n");
    EXPECT_FALSE(agent->is_alive());
    answer("{\"return\": " + number + "}\n");
    EXPECT_TRUE(agent->is_alive());
}

// The agent may start minutes later, and shall not find a hundred questions.
TEST_F(GuestAgentTest, AsksAgainOnlyWhenTheGuestTookTheQuestion) {
    ASSERT_TRUE(agent->probe([this] { ++answers; }));
    loop.run_for(1500ms);
    EXPECT_EQ(std::ranges::count(guest.read(), '{'), 2);  // one, with its arguments
    EXPECT_TRUE(wait_until([&] { return std::ranges::count(guest.read(), '{') == 4; }));
}

TEST_F(GuestAgentTest, IsToldToShutDown) {
    Peer client = Peer::connect(path);
    client.write("{\"execute\":");
    EXPECT_TRUE(wait_until([&] { return guest.read() == "{\"execute\":"; }));
    agent->shutdown();
    EXPECT_TRUE(guest.read().ends_with(
        "\n{\"arguments\":{\"mode\":\"powerdown\"},\"execute\":\"guest-shutdown\"}\n"))
        << guest.read();
}

TEST_F(GuestAgentTest, CanBeAskedAgain) {
    const uint64_t id = asked();
    answer("{\"return\": " + std::to_string(id) + "}\n");
    ASSERT_TRUE(agent->probe([this] { ++answers; }));
    EXPECT_FALSE(agent->is_alive());
    answer("{\"return\": " + std::to_string(id) + "}\n");
    EXPECT_FALSE(agent->is_alive());  // that was the old question's
}

TEST_F(GuestAgentTest, MayBeAskedNoMore) {
    const uint64_t id = asked();
    agent->stop_probing();
    answer("{\"return\": " + std::to_string(id) + "}\n");
    EXPECT_FALSE(agent->is_alive());
}

}  // namespace
}  // namespace qemunit::helper
