// SPDX-License-Identifier: MIT
//
// Limits of drives (IOPSMax= and the like) that were changed while QEMU ran, by a reload or a
// monitor: a QEMU that takes the guest over begins with those of the start. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <vector>

namespace qemunit::helper {

// Arguments of block_set_io_throttle, one for each drive, which give the drives of `now` the limits
// that they have in `wanted`. Both are query-block.
std::vector<nlohmann::json> changed_limits(const nlohmann::json &wanted, const nlohmann::json &now);

}  // namespace qemunit::helper
