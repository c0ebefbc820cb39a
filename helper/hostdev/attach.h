// SPDX-License-Identifier: MIT
//
// Has a VM that runs open a USB device that was plugged in: asks qemunitd, which has the VM's
// monitor.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::helper {

// Success also if the VM does not run: a VM that is off waits for nothing.
Result<> attach_usb_device(const std::string &vm, const std::string &device);

}  // namespace qemunit::helper
