// SPDX-License-Identifier: MIT
#include "helper/usernet/usernet_options.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

TEST(UsernetOptionsTest, AsTheGeneratorWritesThem) {
    const auto options = parse_usernet_options(
        {"--vm=web", "--network=lan", "--restrict", "--host-loopback", "--forward=tcp::10022-:22",
         "--forward=udp:127.0.0.1:53-10.0.2.15:53", "/run/x"});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->vm, "web");
    EXPECT_EQ(options->network, "lan");
    EXPECT_TRUE(options->settings.restricted);
    EXPECT_TRUE(options->settings.host_loopback);
    ASSERT_EQ(options->forwards.size(), 2u);
    EXPECT_EQ(options->forwards[1].text, "udp:127.0.0.1:53-10.0.2.15:53");
    EXPECT_EQ(options->folder, "/run/x");
}

TEST(UsernetOptionsTest, TheHostIsClosedUnlessItIsOpened) {
    const auto options = parse_usernet_options({"/run/x"});
    ASSERT_TRUE(options);
    EXPECT_FALSE(options->settings.host_loopback);
    EXPECT_FALSE(options->settings.restricted);
}

TEST(UsernetOptionsTest, OneConnectionHasNoFolder) {
    const auto options = parse_usernet_options({"--vm=run", "--network=run-net", "--connected"});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_TRUE(options->connected);
    EXPECT_FALSE(options->settings.host_loopback);
    const auto both = parse_usernet_options({"--connected", "/run/x"});
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().message, "with --connected, there is no folder");
}

TEST(UsernetOptionsTest, Faults) {
    const auto fault = [](std::vector<std::string> words) {
        const auto options = parse_usernet_options(words);
        return options ? "" : options.error().message;
    };
    EXPECT_EQ(fault({}), "give the folder for its sockets");
    EXPECT_EQ(fault({"/a", "/b"}), "give the folder for its sockets");
    EXPECT_EQ(fault({"--restrct", "/a"}), "unknown option '--restrct'. Did you mean '--restrict'?");
    EXPECT_TRUE(fault({"--forward=tcp::1", "/a"}).starts_with("--forward=tcp::1: no '-'"));
}

}  // namespace
}  // namespace qemunit::helper
