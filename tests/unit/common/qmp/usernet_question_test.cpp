// SPDX-License-Identifier: MIT
#include "common/qmp/usernet_question.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>

#include "common/timer.h"
#include "common/usernet/request.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit {
namespace {

class UsernetQuestionTest : public ::testing::Test {
  protected:
    UsernetQuestionTest() {
        sd_event *event = nullptr;
        sd_event_new(&event);
        event_.reset(event);
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        socket_.copy(address.sun_path, sizeof address.sun_path - 1);
        listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_.get(), 1), 0);
    }

    // Asks, has `serve` answer, and returns what came, an error as its message.
    std::string ask(const std::string &socket, const std::function<void(int)> &serve,
                    uint64_t patience = 10 * kSecond) {
        std::optional<std::string> said;
        UsernetQuestion question(event_.get(), socket, usernet_line(UsernetRequest::Kind::list),
                                 now() + patience, [&](const Result<std::string> &answer) {
                                     said = answer ? *answer : answer.error().message;
                                 });
        EXPECT_FALSE(said) << "not before the loop runs";
        UniqueFd client;
        if (serve) {
            client.reset(accept(listener_.get(), nullptr, nullptr));
            serve(client.get());
            client.reset();
        }
        while (!said)
            sd_event_run(event_.get(), UINT64_MAX);
        return *said;
    }

    uint64_t now() const {
        timespec time{};
        clock_gettime(CLOCK_MONOTONIC, &time);
        return static_cast<uint64_t>(time.tv_sec) * kSecond +
               static_cast<uint64_t>(time.tv_nsec) / 1000;
    }

    EventPtr event_;
    testing::TemporaryFolder folder_;
    const std::string socket_ = std::string(folder_.path()) + "/s";
    UniqueFd listener_;
};

TEST_F(UsernetQuestionTest, TakesTheWholeAnswer) {
    std::string line(5, ' ');
    const std::string answer = ask(socket_, [&](int client) {
        EXPECT_EQ(read(client, line.data(), line.size()), 5);
        EXPECT_EQ(write(client, "ok\nuser", 7), 7);
        EXPECT_EQ(write(client, " (lan):\n", 8), 8);
    });
    EXPECT_EQ(answer, "user (lan):\n");
    EXPECT_EQ(line, "list\n");
}

TEST_F(UsernetQuestionTest, WhoHangsUpHasNotAnswered) {
    EXPECT_EQ(ask(socket_, [](int) {}), "qemunit-usernet has given no answer");
}

TEST_F(UsernetQuestionTest, WhoHangsIsWaitedForUntilTheDeadline) {
    EXPECT_EQ(ask(socket_, {}, 1000), "qemunit-usernet does not answer");
}

TEST_F(UsernetQuestionTest, NobodyIsThere) {
    EXPECT_NE(ask(socket_ + "x", {}).find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace qemunit
