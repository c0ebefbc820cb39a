// SPDX-License-Identifier: MIT
//
// Hands a USB device that was plugged in to a VM that runs: the VM's companion, whom this asks,
// has QEMU use it.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::helper {

// Success also if the VM does not run, or the device is out again: nobody waits then.
Result<> attach_usb_device(const std::string &vm, const std::string &device);

}  // namespace qemunit::helper
