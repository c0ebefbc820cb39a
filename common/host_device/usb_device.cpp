// SPDX-License-Identifier: MIT
#include "common/host_device/usb_device.h"

#include <fmt/format.h>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"

namespace qemunit {

namespace {

constexpr std::string_view kHubClass = "09";

}  // namespace

std::string usb_folder(const std::string &root, const std::string &port) {
    return concat(root, "/sys/bus/usb/devices/", port);
}

Result<std::vector<UsbDevice>> find_usb_devices(const std::string &root,
                                                const UsbAddress &address) {
    std::vector<UsbDevice> found;
    for (const std::string &name : names_in(concat(root, "/sys/bus/usb/devices"))) {
        const std::string folder = usb_folder(root, name);
        UsbDevice device{.port = name,
                         .id = concat(kernel_text(folder + "/idVendor"), ":",
                                      kernel_text(folder + "/idProduct")),
                         .node = kernel_text(folder + "/dev")};
        if ((address.is_port ? device.port : device.id) != address.text || device.node.empty())
            continue;
        if (kernel_text(folder + "/bDeviceClass") == kHubClass)
            return fail(ENODEV,
                        fmt::format("the USB device {} is a hub, which no VM can have: name "
                                    "what is plugged into it",
                                    address.text));
        found.push_back(std::move(device));
    }
    if (found.empty())
        return fail(
            ENOENT,
            fmt::format("no USB device {} is plugged into this machine; `lsusb{}` lists those "
                        "that are",
                        address.text, address.is_port ? " -t" : ""));
    return found;
}

}  // namespace qemunit
