// SPDX-License-Identifier: MIT
//
// What qemunit-hostdev is told by its unit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/host_device/address.h"
#include "common/result.h"

namespace qemunit::helper {

struct HostDeviceOptions {
    enum class Mode { take, give_back, plugged, attach, help, version } mode = Mode::take;
    std::string vm, device;
    std::string port;  // of USB, where something was plugged in
    std::string pci;
    std::optional<UsbAddress> usb;
    bool force = false;
    bool optional = false;
    std::vector<std::string> with;  // PCI devices that the VM has as well
};

Result<HostDeviceOptions> parse_hostdev_options(const std::vector<std::string> &arguments);
std::string hostdev_help();

}  // namespace qemunit::helper
