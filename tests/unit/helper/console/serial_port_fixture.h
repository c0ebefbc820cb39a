// SPDX-License-Identifier: MIT
//
// A serial port between a guest and clients that the test plays, on a real event loop.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "helper/console/serial_port.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {

using testing::Peer;
using namespace std::chrono_literals;

class SerialPortTest : public ::testing::Test {
  protected:
    void open_port() {
        testing::SocketPair pair;
        guest = Peer(std::move(pair.one));
        port = create({.name = "serial",
                       .guest = std::move(pair.other),
                       .listener = testing::listening_socket(path)});
    }

    std::unique_ptr<SerialPort> create(PortEnd end) {
        auto created =
            SerialPort::create(loop.get(), "vm1", std::move(end), nullptr, [this] { ++ends; });
        EXPECT_TRUE(created);
        return std::move(*created);
    }

    bool wait_until(const std::function<bool()> &done) const { return loop.run_until(done, 60s); }
    void settle() const { loop.settle(); }

    // Connected, and known to the port.
    Peer new_client() {
        Peer client = Peer::connect(path);
        EXPECT_TRUE(client);
        settle();
        return client;
    }

    void print(std::string_view bytes) {
        EXPECT_TRUE(wait_until([&] {
            bytes.remove_prefix(guest.write(bytes));
            return bytes.empty();
        }));
    }
    // What the client has to have seen by then.
    ::testing::AssertionResult sees(Peer &client, const std::string &text) const {
        wait_until([&] { return client.read().size() >= text.size() || client.has_ended(); });
        if (client.read() == text)
            return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << "it sees " << client.read().size() << " bytes: '"
                                             << client.read().substr(0, 200) << "'";
    }

    testing::TemporaryFolder folder;
    std::string path = folder / "serial.sock";
    testing::EventLoop loop;
    Peer guest;
    std::unique_ptr<SerialPort> port;
    int ends = 0;
};

}  // namespace qemunit::helper
