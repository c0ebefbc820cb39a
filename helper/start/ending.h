// SPDX-License-Identifier: MIT
//
// How qemunit-helper ends where it does not become QEMU: it says why, or was told to stop. For the
// steps of its one way.
#pragma once

#include <string_view>

namespace qemunit::helper {

// Says it in the journal; returns `exit_code`.
int complain(int exit_code, std::string_view message);

// Whether systemd has told this process to stop, which is no failure.
bool is_to_stop();

}  // namespace qemunit::helper
