// SPDX-License-Identifier: MIT
//
// For commands of a sandboxed unit that run as root, by "+": such a command is in the unit's mount
// namespace all the same, and files of the host are not there.
#pragma once

namespace qemunit {

// From here on, this process sees the files as PID 1 does. errno says why not.
bool join_mounts_of_manager();
// The same of its network interfaces.
bool join_network_of_manager();

}  // namespace qemunit
