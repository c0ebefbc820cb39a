// SPDX-License-Identifier: MIT
#include "ctl/vm/hosts.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Hosts = std::vector<std::string>;

TEST(HostsTest, SeveralAreSeparatedByCommas) {
    EXPECT_EQ(parse_hosts("alpha").value(), Hosts{"alpha"});
    EXPECT_EQ(parse_hosts("alpha,joe@beta:2222,alpha").value(), (Hosts{"alpha", "joe@beta:2222"}));
}

TEST(HostsTest, NoneOfThemIsAnOptionOfSsh) {
    for (const char *text : {"", "-oProxyCommand=reboot", "alpha,-oProxyCommand=reboot", "alpha,"})
        EXPECT_FALSE(parse_hosts(text)) << text;
    const auto hosts = parse_hosts_file("# ours\nalpha\n-oX\n", "hosts");
    ASSERT_FALSE(hosts);
    EXPECT_EQ(hosts.error().message, "hosts:3: '-oX' is no name of a host");
}

TEST(HostsTest, AFileHasOneOnEachLine) {
    EXPECT_EQ(
        parse_hosts_file("# ours\n\n  alpha  # in the cellar\r\nbeta\nalpha", "hosts").value(),
        (Hosts{"alpha", "beta"}));
    const auto none = parse_hosts_file("#alpha\n", "hosts");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "hosts names no host");
}

}  // namespace
}  // namespace qemunit::ctl
