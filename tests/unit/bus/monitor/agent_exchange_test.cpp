// SPDX-License-Identifier: MIT
#include "bus/monitor/agent_exchange.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;

class AgentExchangeTest : public ::testing::Test {
  protected:
    void expect_given() { EXPECT_EQ(exchange_.take("{\"return\": 70}\n"), kCommand); }

    static constexpr const char *kCommand =
        "{\"arguments\":{\"id\":71},\"execute\":\"guest-sync\"}\n"
        "{\"arguments\":{\"path\":\"/x\"},\"execute\":\"guest-file-open\"}\n"
        "{\"arguments\":{\"id\":72},\"execute\":\"guest-sync\"}\n";
    AgentExchange exchange_{"guest-file-open", json{{"path", "/x"}}, 70};
};

TEST_F(AgentExchangeTest, OnlyAnAgentThatListensIsGivenTheCommand) {
    EXPECT_EQ(exchange_.first_words(),
              "\n{\"arguments\":{\"id\":70},\"execute\":\"guest-sync\"}\n");
    EXPECT_EQ(exchange_.take("rest of something\"}\n{\"return\": 7}\n{\"return\""), "");
    EXPECT_FALSE(exchange_.is_given());
    EXPECT_EQ(exchange_.take(": 70}\n"), kCommand);
    EXPECT_TRUE(exchange_.is_given());
}

TEST_F(AgentExchangeTest, TheAnswerIsBetweenItsQuestions) {
    expect_given();
    EXPECT_EQ(exchange_.take("{\"return\": {}}\n{\"error\": {\"desc\": \"not ours\"}}\n"), "");
    EXPECT_EQ(exchange_.take("\xff{\"return\": 71}\n{\"return\": 1000}\n{\"ret"), "");
    EXPECT_FALSE(exchange_.is_over());
    EXPECT_EQ(exchange_.take("urn\": 72}\n{\"return\": 5}\n"), "");
    ASSERT_TRUE(exchange_.is_over());
    ASSERT_TRUE(exchange_.answer() && *exchange_.answer());
    EXPECT_EQ(**exchange_.answer(), json(1000));
}

TEST_F(AgentExchangeTest, ARefusalIsTheAgentsOwnText) {
    expect_given();
    exchange_.take(
        "{\"return\": 71}\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such file\"}}\n"
        "{\"return\": 72}\n");
    ASSERT_TRUE(exchange_.is_over() && exchange_.answer() && !*exchange_.answer());
    EXPECT_EQ(exchange_.answer()->error(), "no such file");
}

TEST_F(AgentExchangeTest, ACommandMayHaveNoAnswer) {
    expect_given();
    exchange_.take("{\"return\": 71}\n{\"return\": 72}\n");
    EXPECT_TRUE(exchange_.is_over());
    EXPECT_FALSE(exchange_.answer());
}

TEST_F(AgentExchangeTest, TwoAnswersAreNone) {
    expect_given();
    exchange_.take("{\"return\": 71}\n{\"return\": 1}\n{\"return\": 2}\n{\"return\": 72}\n");
    ASSERT_TRUE(exchange_.is_over() && exchange_.answer() && !*exchange_.answer());
    EXPECT_EQ(exchange_.answer()->error(),
              "another client spoke to the agent in between, and the answers cannot be told apart");
}

TEST_F(AgentExchangeTest, AnEndlessLineIsTheEnd) {
    const std::string much(1u << 20, 'x');
    for (int i = 0; i < 20 && !exchange_.is_over(); ++i)
        exchange_.take(much);
    ASSERT_TRUE(exchange_.is_over() && exchange_.answer() && !*exchange_.answer());
    EXPECT_EQ(exchange_.answer()->error(), "the agent's answer is too long");
}

}  // namespace
}  // namespace qemunit::bus
