// SPDX-License-Identifier: MIT
//
// `qemunitctl sendkey` and `type`: a person at the VM's keyboard.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// "ctrl-alt-f1" -> its keys. No name of a key has a "-" in it (QKeyCode in QEMU's
// qapi/ui.json). Empty if one of them is.
std::vector<std::string> split_keys(std::string_view combination);

Result<int> run_sendkey(const Invocation &invocation);
Result<int> run_type(const Invocation &invocation);

}  // namespace qemunit::ctl
