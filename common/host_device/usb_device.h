// SPDX-License-Identifier: MIT
//
// The USB devices of the host, as the kernel shows them below /sys. Reads only. `root` is a prefix
// of all paths, "" for this system.
#pragma once

#include <string>
#include <vector>

#include "common/host_device/address.h"
#include "common/result.h"

namespace qemunit {

struct UsbDevice {
    std::string port;  // "1-2.3", the kernel's name of it
    std::string id;    // "046d:c52b"
    std::string node;  // "189:5", of its device node
};

std::string usb_folder(const std::string &root, const std::string &port);

// All that `address` fits; hubs are none of them. ENOENT if there is none.
Result<std::vector<UsbDevice>> find_usb_devices(const std::string &root, const UsbAddress &address);

}  // namespace qemunit
