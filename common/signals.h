// SPDX-License-Identifier: MIT
//
// Signals on an event loop, for the programs that shall end at one. Never runs anything inside of a
// signal's handler.
#pragma once

#include <systemd/sd-event.h>

#include <functional>
#include <initializer_list>

#include "common/result.h"

namespace qemunit {

// Blocks the signals, and calls `arrived` when one comes, as long as the loop lives.
Result<> watch_signals(sd_event *event, std::initializer_list<int> numbers,
                       const std::function<void()> &arrived);

}  // namespace qemunit
