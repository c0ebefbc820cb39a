// SPDX-License-Identifier: MIT
//
// Takes a device from the host for a VM, and gives it back as it was: ExecStart= and ExecStopPost=
// of qemu-hostdev@.service, as root. Opens nothing but the kernel's files and root's folders. Never
// takes what the host or another VM uses.
#pragma once

#include <string>

#include "common/result.h"
#include "helper/hostdev/hostdev_options.h"

namespace qemunit::helper {

// `root` is a prefix of all paths, "" for this system. What is to be said of a success, or "".
Result<std::string> take_device(const HostDeviceOptions &options, const std::string &root);

// What was not taken is given back without a word: the unit runs this however it ends.
Result<> give_back_device(const HostDeviceOptions &options, const std::string &root);

// Something was plugged in: if a VM waits for it, it is taken. "vm1:stick", or "".
Result<std::string> take_plugged_device(const HostDeviceOptions &options, const std::string &root);

}  // namespace qemunit::helper
