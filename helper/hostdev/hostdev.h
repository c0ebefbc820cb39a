// SPDX-License-Identifier: MIT
//
// Takes a device from the host for a VM, and gives it back as it was: ExecStart= and ExecStopPost=
// of qemu-hostdev@.service, as root. Opens nothing but the kernel's files, disks of the device to
// keep others away, and root's folders. Never takes what the host or another VM uses.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"
#include "common/time_units.h"
#include "helper/hostdev/hostdev_options.h"

namespace qemunit::helper {

// Where all paths begin, "" for this system; and how long others and drivers are waited for:
// together, below the TimeoutSec= of the unit.
struct HostDeviceSystem {
    std::string root;
    unsigned lock_seconds = 15;
    uint64_t driver_usec = 40 * kSecond;
};

// What is to be said of a success, or "".
Result<std::string> take_device(const HostDeviceOptions &options, const HostDeviceSystem &system);

// What was not taken is given back without a word: the unit runs this however it ends. What cannot
// be given back stays claimed, for a next time.
Result<> give_back_device(const HostDeviceOptions &options, const HostDeviceSystem &system);

// Something was plugged in: if a VM waits for it, it is taken. "vm1:stick", or "".
Result<std::string> take_plugged_device(const HostDeviceOptions &options,
                                        const HostDeviceSystem &system);

}  // namespace qemunit::helper
