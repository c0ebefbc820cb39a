// SPDX-License-Identifier: MIT
#include "common/usernet/request.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

using Kind = UsernetRequest::Kind;

TEST(UsernetRequestTest, LinesThereAndBack) {
    EXPECT_EQ(usernet_line(Kind::list), "list\n");
    EXPECT_EQ(usernet_line(Kind::add, "tcp::10022-:22"), "add tcp::10022-:22\n");
    const auto list = parse_usernet_line("list");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->kind, Kind::list);
    const auto removed = parse_usernet_line("remove udp:127.0.0.1:53-:1");
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->kind, Kind::remove);
    EXPECT_EQ(removed->forward.host_port, 53u);
}

TEST(UsernetRequestTest, LinesThatAreNone) {
    for (const char *line : {"", " ", "list x", "add", "add ", "add tcp::1", "quit",
                             "ADD tcp::1-:2", "add tcp::1-:2 x", "remove", "add tcp::0-:2"})
        EXPECT_FALSE(parse_usernet_line(line)) << line;
}

TEST(UsernetRequestTest, AnswersThereAndBack) {
    EXPECT_EQ(parse_usernet_answer(usernet_answer("a\nb\n")).value_or("?"), "a\nb\n");
    EXPECT_EQ(parse_usernet_answer(usernet_answer("")).value_or("?"), "");
    const auto error = parse_usernet_answer(usernet_answer(fail(EPERM, "no")));
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().message, "no");
    for (const char *text : {"", "ok", "what", "error"})
        EXPECT_EQ(parse_usernet_answer(text).error().code, EPROTO) << text;
}

}  // namespace
}  // namespace qemunit
