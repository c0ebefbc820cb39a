// SPDX-License-Identifier: MIT
//
// Where the devices of the host that a VM has been given are. Nobody but root gets into
// /dev/qemunit; of it, a VM's sandbox has the VM's folder for VFIO, mounted where QEMU looks for
// such devices, with nodes of the VM's devices alone (qemunit-hostdev makes them, the generator
// mounts them). USB devices reach QEMU open.
#pragma once

#include <string>
#include <string_view>

#include "common/concat.h"

namespace qemunit {

inline constexpr std::string_view kVfioPlace = "/dev/vfio";

// Which VM has which device, and waits for which: files of root's alone (RuntimeDirectory= of
// qemu-hostdev@.service).
inline constexpr std::string_view kHostDeviceRecords = "/run/qemunit-hostdev";

struct HostDevicePlaces {
    std::string_view vm;
    std::string root;  // prefix of all paths, "" for this system

    std::string all_vms() const { return concat(root, "/dev/qemunit"); }
    std::string folder() const { return concat(root, "/dev/qemunit/", vm); }
    std::string vfio() const { return concat(folder(), "/vfio"); }
    // A node of root's alone, with a name that is known before the device is: for DeviceAllow=,
    // and of a USB device to open it by. Of one that is missing, that of /dev/null.
    std::string nodes() const { return concat(folder(), "/node"); }
    std::string node(std::string_view device) const { return concat(nodes(), "/", device); }
};

// In the sandbox. QEMU asks nothing of the kernel's folder of a device but in which group it is.
inline std::string vfio_device_place(std::string_view address) {
    return concat(kVfioPlace, "/", address);
}

// The sets of descriptors that QEMU knows USB devices by: beyond those of images and taps.
inline constexpr unsigned kFirstUsbSet = 2000;
// And what is said with the descriptor.
inline constexpr std::string_view kUsbLabel = "qemunit-usb:";

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
