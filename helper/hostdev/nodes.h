// SPDX-License-Identifier: MIT
//
// The nodes of a VM's devices below /dev/qemunit, which only root gets into. Of PCI devices, the VM
// has a folder mounted: whoever is in its sandbox may open what is in there, and nobody else can.
// The node of a USB device is for those who open it for QEMU.
#pragma once

#include <string>
#include <string_view>

#include "common/host_device/places.h"
#include "common/result.h"

namespace qemunit::helper {

// /dev/vfio for the VM: the nodes of the group, and what QEMU takes for the kernel's folder of the
// device. `group_node`, `container_node`: "246:0", as the kernel has it.
Result<> make_vfio_nodes(const HostDevicePlaces &places, std::string_view device,
                         std::string_view address, std::string_view group,
                         std::string_view group_node, std::string_view container_node);

Result<> make_usb_node(const HostDevicePlaces &places, std::string_view device,
                       std::string_view node);
// Of a device that may be plugged in later.
Result<> make_empty_usb_node(const HostDevicePlaces &places, std::string_view device);

// Whatever of the two is there; also the VM's folders, if they are empty then. `address` is "" if
// it is not known.
void remove_nodes(const HostDevicePlaces &places, std::string_view device,
                  std::string_view address);

}  // namespace qemunit::helper
