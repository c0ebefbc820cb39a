// SPDX-License-Identifier: MIT
//
// What the host itself needs a device for: a disk in use, the way to the network, the console. For
// qemunit-hostdev, which then does not take it, and for `qemunitctl check`. What cannot be told
// counts as in use. Reads only; `root` is a prefix of all paths, "" for this system.
#pragma once

#include <string>
#include <vector>

#include "common/unique_fd.h"

namespace qemunit {

struct PciDevice;

// The disks of a device, kept from mounts and from all others who ask the kernel for a disk of
// their own: for as long as the host's driver of it still has to go.
using KeptDisks = std::vector<UniqueFd>;

// Of the device with this folder of /sys: "its disk 'sda' has the file system at /srv". "":
// nothing; `kept` then has its disks.
std::string use_by_host(const std::string &root, const std::string &folder,
                        KeptDisks *kept = nullptr);

// The same of a PCI device; one that vfio-pci has already, the host does not use.
std::string use_by_host(const std::string &root, const PciDevice &device,
                        KeptDisks *kept = nullptr);

}  // namespace qemunit
