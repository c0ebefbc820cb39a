// SPDX-License-Identifier: MIT
//
// The machine type that a saved state is of, "pc-q35-7.2". The ini file may say "q35", which is
// another one with each QEMU, and QEMU loads no state of another one: a VM that has come from an
// older host, or was saved before an upgrade, goes on as what it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::helper {

// "" if the state does not say it.
std::string machine_of_state(int state);
// QEMU's command line with the state's machine type, if that is a version of the one in there.
// Returns whether it is.
bool use_machine_of_state(int state, std::vector<std::string> &command);

}  // namespace qemunit::helper
