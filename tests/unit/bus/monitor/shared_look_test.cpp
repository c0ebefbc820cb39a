// SPDX-License-Identifier: MIT
#include "bus/monitor/shared_look.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace qemunit::bus {
namespace {

TEST(SharedLookTest, WhoComesMeanwhileHasTheNextAnswerTogether) {
    const auto shared = std::make_shared<SharedLook>();
    std::vector<SharedLook::Answered> asked;
    std::vector<std::string> heard;
    const auto join = [&](const std::string &who) {
        shared->join([&](SharedLook::Answered done) { asked.push_back(std::move(done)); },
                     [&heard, who](const VmMonitor::Reply &reply) {
                         heard.push_back(who + (reply ? reply->get<std::string>() : " error"));
                     });
    };
    for (const char *who : {"a", "b", "c"})
        join(who);
    ASSERT_EQ(asked.size(), 1u);
    asked[0](nlohmann::json("1"));
    EXPECT_EQ(heard, std::vector<std::string>{"a1"});
    ASSERT_EQ(asked.size(), 2u);
    join("d");
    asked[1](std::unexpected(QmpError{QmpError::Kind::timeout, "late"}));
    EXPECT_EQ(heard, (std::vector<std::string>{"a1", "b error", "c error"}));
    ASSERT_EQ(asked.size(), 3u);
    asked[2](nlohmann::json("3"));
    EXPECT_EQ(heard.back(), "d3");
    EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace qemunit::bus
