// SPDX-License-Identifier: MIT
//
// A serial port that logs to the journald that a test plays, with its guest.
#pragma once

#include <memory>
#include <string>

#include "helper/console/serial_port.h"
#include "tests/unit/helper/console/fake_journald.h"

namespace qemunit::testing {

using namespace helper;

struct LoggedPort : Sender {
    explicit LoggedPort(const std::string &name = "serial", bool log = true) {
        SocketPair pair;
        guest = Peer(std::move(pair.one));
        auto created = SerialPort::create(
            loop.get(), "vm1", {.name = name, .guest = std::move(pair.other), .log = log},
            journal.get(), [this] { ++ends; });
        EXPECT_TRUE(created);
        port = std::move(*created);
        on_room = [this] {
            port->resume();
        };
    }
    void settle() const { loop.settle(); }

    Peer guest;
    std::unique_ptr<SerialPort> port;
    int ends = 0;
};

}  // namespace qemunit::testing
