// SPDX-License-Identifier: MIT
#include "bus/options.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using Words = std::vector<std::string>;
using Mode = DaemonOptions::Mode;

std::string daemon_fault(const Words &words) {
    const auto parsed = parse_daemon_options(words);
    return parsed ? "" : parsed.error().message;
}

TEST(DaemonOptionsTest, WithoutAny) {
    const auto options = parse_daemon_options({});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->mode, Mode::serve);
    EXPECT_FALSE(options->user);
    EXPECT_EQ(options->state, "");
    EXPECT_EQ(options->idle_usec, 60'000'000u);
}

TEST(DaemonOptionsTest, All) {
    const auto options = parse_daemon_options({"--user", "--state=/a=b", "--idle-exit=90"});
    ASSERT_TRUE(options);
    EXPECT_TRUE(options->user);
    EXPECT_EQ(options->state, "/a=b");
    EXPECT_EQ(options->idle_usec, 90'000'000u);
    EXPECT_EQ(parse_daemon_options({"--idle-exit=0"})->idle_usec, 0u);
    EXPECT_EQ(parse_daemon_options({"-h", "--nonsense"})->mode, Mode::help);
    EXPECT_EQ(parse_daemon_options({"--version"})->mode, Mode::version);
}

TEST(DaemonOptionsTest, WhatIsWrong) {
    EXPECT_EQ(daemon_fault({"--nonsense"}), "unknown option '--nonsense'; see --help");
    EXPECT_EQ(daemon_fault({"--idle-exti=1"}),
              "unknown option '--idle-exti=1'. Did you mean '--idle-exit'?");
    EXPECT_EQ(daemon_fault({"vm1"}), "unknown argument 'vm1'; see --help");
    for (const std::string bad : {"", "-1", "1s", "4294967296"})
        EXPECT_EQ(daemon_fault({"--idle-exit=" + bad}), "'" + bad + "' is not a number of seconds");
}

TEST(DaemonOptionsTest, HelpNamesEveryOption) {
    for (const char *option : {"--user", "--state=", "--idle-exit=", "-h --help", "--version"})
        EXPECT_TRUE(daemon_help().contains(option)) << option;
}

}  // namespace
}  // namespace qemunit::bus
