// SPDX-License-Identifier: MIT
#include "bus/monitor/serial_ports.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

std::map<std::string, std::string> sockets(const Texts &names) {
    std::map<std::string, std::string> result;
    for (const std::string &name : names)
        result.emplace(name, "/run/qemunit/vm1/" + name + ".sock");
    return result;
}

TEST(SerialPortsTest, TheFirstIsFirst) {
    EXPECT_EQ(
        serial_ports(sockets({"control", "debug", "a", "monitor", "qmp", "serial"}), json::array()),
        (Texts{"serial", "a", "debug"}));
}

TEST(SerialPortsTest, ChannelsAreNone) {
    const json peripherals = {{{"name", "debug"}, {"type", "child<virtconsole>"}},
                              {{"name", "events"}, {"type", "child<virtserialport>"}},
                              {{"name", "qemunit-agent"}, {"type", "child<virtserialport>"}},
                              {{"name", "type"}, {"type", "string"}}};
    EXPECT_EQ(serial_ports(sockets({"agent", "debug", "events", "serial"}), peripherals),
              (Texts{"serial", "debug"}));
    // Without a guest agent, the name is free.
    EXPECT_EQ(serial_ports(sockets({"agent", "serial"}), json::array()),
              (Texts{"serial", "agent"}));
}

TEST(SerialPortsTest, AnAnswerThatMakesNoSenseHidesNothing) {
    EXPECT_EQ(serial_ports(sockets({"serial"}), "what?"), Texts{"serial"});
    EXPECT_EQ(serial_ports(sockets({"serial"}), json::array({1, nullptr})), Texts{"serial"});
}

}  // namespace
}  // namespace qemunit::bus
