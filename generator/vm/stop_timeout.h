// SPDX-License-Identifier: MIT
//
// How long stopping a VM may take. systemd and qemunit-helper have to know the same of that, and
// there are two places to write it: StopTimeout=, and what [Service] hands to systemd.
#pragma once

#include <optional>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// For the helper, what systemd goes by. At least a second, UINT64_MAX for no limit; none if nothing
// is said.
std::optional<uint64_t> stop_timeout_seconds(const Vm &vm);

// Where the two places do not go together.
void check_stop_timeout(const Vm &vm, Diagnostics &diagnostics);

}  // namespace qemunit::generator
