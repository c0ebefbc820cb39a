// SPDX-License-Identifier: MIT
//
// Whether KVM is of use here.
#pragma once

#include "common/result.h"

namespace qemunit::helper {

// Runs a guest of three instructions. That /dev/kvm opens proves little: where KVM itself
// emulates the guest's instructions, as inside some virtual machines, TCG is faster by far.
// The error says why KVM is of no use.
Result<> check_kvm();

}  // namespace qemunit::helper
