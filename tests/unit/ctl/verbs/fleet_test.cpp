// SPDX-License-Identifier: MIT
#include "ctl/verbs/fleet.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

std::vector<HostList> three_hosts() {
    return {{"alpha", R"([{"name": "vm1", "state": "running", "unit": "qemu@vm1.service",
                           "uptime_usec": 61000000, "memory_bytes": 268435456,
                           "forwards": ["tcp::10022-:22"]},
                          {"name": "web", "state": "failed", "unit": "qemu@web.service",
                           "result": "timeout", "uptime_usec": null, "memory_bytes": null,
                           "forwards": null}])"},
            {"beta", fail(ETIMEDOUT, "no answer within 30 s")},
            {"gamma", R"([{"name": "vm1", "state": "off", "unit": "qemu@vm1.service",
                           "host": "alpha"}])"}};
}

TEST(FleetTest, EachVmHasItsHost) {
    const FleetText fleet = fleet_text(three_hosts(), "");
    EXPECT_EQ(fleet.text,
              "HOST   VM   STATE             UPTIME   MEMORY  FORWARDS\n"
              "alpha  vm1  running           1min 1s  256.0M  tcp::10022-:22\n"
              "alpha  web  failed (timeout)  -        -       -\n"
              "gamma  vm1  off               -        -       -\n");
    EXPECT_EQ(fleet.errors, std::vector<std::string>{"beta: no answer within 30 s"});
    EXPECT_EQ(fleet_text(three_hosts(), "--names").text, "alpha vm1\nalpha web\ngamma vm1\n");
}

TEST(FleetTest, AHostSpeaksForNoOther) {
    const FleetText fleet = fleet_text({three_hosts().back()}, "--json");
    EXPECT_EQ(fleet.text,
              "[\n  {\n    \"host\": \"gamma\",\n    \"name\": \"vm1\",\n    \"state\": \"off\",\n"
              "    \"unit\": \"qemu@vm1.service\"\n  }\n]\n");
}

TEST(FleetTest, WhatIsNoListIsAnError) {
    for (const char *json : {"", "{}", "[1]", "[{]", "Welcome to alpha!"}) {
        const FleetText fleet = fleet_text({{"alpha", json}}, "");
        EXPECT_EQ(fleet.errors, std::vector<std::string>{"alpha: what it said is no list of VMs"})
            << json;
        EXPECT_EQ(fleet.text, "");
    }
    EXPECT_EQ(fleet_text({{"alpha", "[]"}}, "").text, "No VMs are configured there.\n");
}

}  // namespace
}  // namespace qemunit::ctl
