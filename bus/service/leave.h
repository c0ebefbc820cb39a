// SPDX-License-Identifier: MIT
//
// The daemon's last words: it gives its name back while it still answers, so that each call is
// either its own or of the one that the bus starts next. Called by main.cpp when it is told to end,
// and by idle_exit. It never ends the process, and never waits for the bus.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

class Leave {
  public:
    // `left`: what was sent to the name before has been dispatched by now. Also called if the bus
    // does not answer.
    static Result<std::unique_ptr<Leave>> begin(sd_bus *bus, std::function<void()> left);
    Leave(const Leave &) = delete;
    Leave &operator=(const Leave &) = delete;

  private:
    explicit Leave(std::function<void()> left) : left_(std::move(left)) {}

    const std::function<void()> left_;
    SlotPtr release_call_;
};

}  // namespace qemunit::bus
