// SPDX-License-Identifier: MIT
//
// All bytes between the command and the caller, and the caller's orders, until the command has
// ended and all that it wrote is on its way.
#pragma once

#include <stdint.h>

#include "helper/init/command.h"

namespace qemunit::init {

// The ports to the caller, and the fifo of the events. None of them waits.
struct RelayPorts {
    int input = -1, output = -1, errors = -1, events = -1, control = -1;
    int fifo = -1;
};

struct Outcome {
    int status = 0;                               // as of wait(2)
    uint64_t output = 0, errors = 0, events = 0;  // bytes
};

// Ends of children are kept for relay() from here on.
int hold_child_signals();

// What the command has left running is killed.
Outcome relay(const StartedCommand &command, const RelayPorts &ports, int child_signals);

}  // namespace qemunit::init
