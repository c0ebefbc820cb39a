// SPDX-License-Identifier: MIT
//
// Where the devices of the host that a VM has been given are. Nobody but root gets into
// /dev/qemunit; of it, a VM's sandbox has the VM's own two folders, mounted where QEMU looks for
// such devices, with nodes of the VM's devices alone (qemunit-hostdev makes them, the generator
// mounts them).
#pragma once

#include <string>
#include <string_view>

#include "common/concat.h"

namespace qemunit {

inline constexpr std::string_view kVfioPlace = "/dev/vfio", kUsbPlace = "/dev/bus/usb";

struct HostDevicePlaces {
    std::string_view vm;
    std::string root;  // prefix of all paths, "" for this system

    std::string all_vms() const { return concat(root, "/dev/qemunit"); }
    std::string folder() const { return concat(root, "/dev/qemunit/", vm); }
    std::string vfio() const { return concat(folder(), "/vfio"); }
    std::string usb() const { return concat(folder(), "/usb"); }
    // A node for DeviceAllow= alone, which has to know the name before the device is known.
    std::string nodes() const { return concat(folder(), "/node"); }
    std::string node(std::string_view device) const { return concat(nodes(), "/", device); }
};

// In the sandbox. QEMU asks nothing of the kernel's folder of a device but in which group it is.
inline std::string vfio_device_place(std::string_view address) {
    return concat(kVfioPlace, "/", address);
}
inline std::string usb_device_place(std::string_view device) {
    return concat(kUsbPlace, "/", device);
}

// "qemu-hostdev@vm1:gpu.service"
inline std::string hostdev_unit(std::string_view vm, std::string_view device) {
    return concat("qemu-hostdev@", vm, ":", device, ".service");
}

// What tells a VM that runs of a device that was plugged in.
inline std::string hostdev_attach_unit(std::string_view vm, std::string_view device) {
    return concat("qemu-hostdev-attach@", vm, ":", device, ".service");
}

namespace hostdev_option {

inline constexpr std::string_view kPci = "--pci";
inline constexpr std::string_view kUsb = "--usb";
inline constexpr std::string_view kForce = "--force";
inline constexpr std::string_view kWith = "--with";
inline constexpr std::string_view kOptional = "--optional";

}  // namespace hostdev_option

}  // namespace qemunit
