// SPDX-License-Identifier: MIT
//
// A serial port whose guest goes on in another QEMU: nothing is lost, doubled, or out of order.
#include "tests/unit/helper/console/serial_port_fixture.h"

namespace qemunit::helper {
namespace {

class PortSuccessionTest : public SerialPortTest {
  protected:
    PortSuccessionTest() {
        open_port();
        client = new_client();
    }
    Peer next_guest() {
        testing::SocketPair pair;
        next = std::move(pair.other);
        return Peer(std::move(pair.one));
    }

    Peer client;
    UniqueFd next;
};

TEST_F(PortSuccessionTest, WhatTheOldOneHasPrintedComesFirst) {
    Peer other = next_guest();
    guest.write("old, unread; ");
    other.write("new");
    ASSERT_TRUE(port->go_on_with(std::move(next)));
    guest.close();
    EXPECT_TRUE(sees(client, "old, unread; new"));
    EXPECT_EQ(ends, 0);
    other.close();
    EXPECT_TRUE(wait_until([this] { return ends == 1; }));
}

TEST_F(PortSuccessionTest, WhatIsTypedMeanwhileWaits) {
    port->hold_input(true);
    client.write("typed");
    settle();
    EXPECT_EQ(guest.read(), "");
    EXPECT_TRUE(port->has_untaken());
    EXPECT_FALSE(port->has_untaken_in_socket());
    Peer other = next_guest();
    ASSERT_TRUE(port->go_on_with(std::move(next)));
    EXPECT_TRUE(wait_until([&] { return other.read() == "typed"; }));
    EXPECT_EQ(guest.read(), "");
}

TEST_F(PortSuccessionTest, WhatIsTypedGoesToTheOldOneIfThatGoesOn) {
    port->hold_input(true);
    client.write("typed");
    settle();
    port->hold_input(false);
    EXPECT_TRUE(wait_until([this] { return guest.read() == "typed"; }));
    EXPECT_FALSE(port->has_untaken_in_socket());
}

}  // namespace
}  // namespace qemunit::helper
