// SPDX-License-Identifier: MIT
//
// Which accelerators QEMU is offered, for qemunit-helper. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::helper {

bool wants_kvm(const std::vector<std::string> &command);
// QEMU takes the first accelerator that it can initialise, not the first that works. What needs KVM
// goes with it.
void leave_out_kvm(std::vector<std::string> &command);
void leave_out_accelerator(std::vector<std::string> &command, std::string_view name);

}  // namespace qemunit::helper
