// SPDX-License-Identifier: MIT
//
// Waits until a unit is in some state, by systemd's own signals.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

#include "common/result.h"
#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

// Until ActiveState= of `unit` is `state` ("active", "inactive", "failed").
Result<> wait_for_state(const std::string &unit, const std::string &state,
                        Deadline deadline = Deadline());

// The same for any property that systemd signals.
Result<> wait_for_property(const std::string &unit, const std::string &property,
                           const std::string &value, Deadline deadline = Deadline());

// One property of a unit as `systemctl show` prints it.
std::string unit_property(const std::string &unit, const std::string &property);

}  // namespace qemunit::e2e
