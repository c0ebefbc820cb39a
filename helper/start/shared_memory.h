// SPDX-License-Identifier: MIT
//
// The guest's memory as something that another QEMU can take over while the guest runs. For
// qemunit-helper. Changes nothing that a saved state, or another host, would notice.
#pragma once

#include <string>
#include <vector>

namespace qemunit::helper {

// Whether this QEMU can hand a running guest to another one (QEMU 10.0 and newer). To run the
// program takes as long as a start may take altogether; its constants have the name of what it
// needs.
bool hands_over_guests(const std::string &program);

// QEMU's command line of a PC, with the memory in a memfd. Returns false, and leaves it as it is,
// if it is not understood.
bool share_memory(std::vector<std::string> &qemu);

}  // namespace qemunit::helper
