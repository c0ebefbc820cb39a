// SPDX-License-Identifier: MIT
//
// Devices of the host -> QEMU's words. What these name is in the sandbox alone
// (common/host_device/places.h); USB devices, qemunit-helper hands over open.
#include <fmt/format.h>

#include "common/concat.h"
#include "common/host_device/places.h"
#include "common/shared_names.h"
#include "generator/qemu/devices.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

void add_pci_device(CommandLine &line, const HostDevice &device) {
    // Numbers between those of people and those of ports for hot-plugging.
    constexpr unsigned kChassis = 150;
    OptionValue value("vfio-pci");
    value.add("host", device.pci->text)
        .add("sysfsdev", vfio_device_place(device.pci->text))
        .add("id", device.name);
    if (has_root_ports(line.vm(), line.host())) {
        const std::string port = concat(kHostDevicePortIds, device.name);
        line.add_device(OptionValue("pcie-root-port")
                            .add("id", port)
                            .add("chassis", fmt::to_string(kChassis + line.next_host_port())));
        value.add("bus", port);
    }
    line.add_device(std::move(value));
}

}  // namespace

void add_host_device(CommandLine &line, const HostDevice &device) {
    if (device.pci)
        add_pci_device(line, device);
    else if (device.usb)
        line.add_device(
            OptionValue("usb-host")
                .add("hostdevice",
                     concat("/dev/fdset/", fmt::to_string(kFirstUsbSet + line.next_usb_device())))
                .add("bus", concat(line.usb(), ".0"))
                .add("id", device.name));
}

}  // namespace qemunit::generator
