// SPDX-License-Identifier: MIT
//
// USB devices of the host that may be plugged in later (Optional=yes). The helper calls this before
// it runs QEMU, which ends if one is not there.
#pragma once

#include <string>
#include <vector>

namespace qemunit::helper {

// Takes those out of QEMU's words that have no node; `folder` is where the nodes are.
void leave_out_missing_devices(std::vector<std::string> &qemu, const std::string &folder);

}  // namespace qemunit::helper
