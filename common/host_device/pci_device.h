// SPDX-License-Identifier: MIT
//
// A PCI device of the host, as the kernel shows it below /sys, and whether its IOMMU group can be
// handed to a VM. Reads only. `root` is a prefix of all paths, "" for this system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit {

inline constexpr std::string_view kVfioDriver = "vfio-pci";

struct PciDevice {
    std::string address;  // "0000:03:00.0"
    std::string driver;   // "": none
    std::string group;    // "": no IOMMU
    unsigned kind = 0;    // the class: 0x020000 is an Ethernet card

    bool is_bridge() const { return kind >> 16 == 0x06; }
    bool is_display() const { return kind >> 16 == 0x03; }
};

std::string pci_folder(const std::string &root, std::string_view address);

// ENOENT if there is none; ENODEV if there is no IOMMU for it, or a VM cannot have it; EBUSY if it
// has virtual functions.
Result<PciDevice> find_pci_device(const std::string &root, std::string_view address);

// The other devices of its IOMMU group, which the kernel hands over as one.
std::vector<PciDevice> others_in_group(const std::string &root, const PciDevice &device);

// EBUSY if one of them is at work for the host: `given` are those that this VM has as well.
Result<> check_group(const std::string &root, const PciDevice &device,
                     const std::vector<std::string> &given);

}  // namespace qemunit
