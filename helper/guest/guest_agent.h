// SPDX-License-Identifier: MIT
//
// What the companion itself says to the guest agent (qemu-ga(8)), beside the clients of
// agent.sock: whether it is there, and that the guest shall shut down. Trusts nothing that
// comes back: a guest writes it. Protocol: QEMU's docs/interop/qemu-ga-ref, JSON in lines.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/timer.h"
#include "helper/console/serial_port.h"

namespace qemunit::helper {

class GuestAgent {
  public:
    // Listens on `port`, which has to live as long.
    GuestAgent(sd_event *event, SerialPort &port);
    GuestAgent(const GuestAgent &) = delete;
    GuestAgent &operator=(const GuestAgent &) = delete;

    // Asks every second until the agent answers, then calls `on_alive`. While the guest has not
    // taken a question, no second one is sent: the first one waits for the agent to start.
    Result<> probe(std::function<void()> on_alive);
    void stop_probing() { timer_.reset(); }

    // The agent has answered since the last probe().
    bool is_alive() const { return alive_; }

    // An agent that does shut the guest down sends no answer.
    void shutdown();

  private:
    void ask();
    void take_bytes(std::string_view bytes);
    void take_line(std::string_view line);
    void say(const std::string &message);

    sd_event *event_;
    SerialPort &port_;
    std::function<void()> on_alive_;
    Timer timer_;  // while questions are asked
    std::string line_;
    bool line_is_lost_ = false;  // the line is longer than an answer to us can be
    uint64_t id_ = 0;            // of the question; no guest can guess it
    bool alive_ = false;
};

}  // namespace qemunit::helper
