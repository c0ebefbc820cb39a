// SPDX-License-Identifier: MIT
//
// How long stopping a VM may take. systemd and qemunit-helper have to know the same of that, and
// there are two places to write it: StopTimeout=, and what [Service] hands to systemd.
#pragma once

#include <cstdint>
#include <optional>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// The time that systemd goes by, for the helper: at least a second, UINT64_MAX for no limit.
// Nothing if neither place names a time.
std::optional<uint64_t> stop_timeout_seconds(const Vm &vm);

// Reports that the two places contradict each other.
void check_stop_timeout(const Vm &vm, Diagnostics &diagnostics);

}  // namespace qemunit::generator
