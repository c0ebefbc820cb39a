// SPDX-License-Identifier: MIT
//
// A way out of the throwaway system, for what looks for one.
#pragma once

#include <gtest/gtest.h>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

// passt takes its addresses from an interface with a default route; this system has none.
class Uplink {
  public:
    Uplink() {
        EXPECT_TRUE(run_words("ip link add up0 type veth peer name up1").ok());
        EXPECT_TRUE(run_words("ip address add 192.0.2.1/24 dev up0").ok());
        EXPECT_TRUE(run_words("ip link set dev up0 up").ok());
        EXPECT_TRUE(run_words("ip link set dev up1 up").ok());
        EXPECT_TRUE(run_words("ip route add default via 192.0.2.254").ok());
    }
    ~Uplink() { EXPECT_TRUE(run_words("ip link delete dev up0").ok()); }
};

}  // namespace qemunit::e2e
