// SPDX-License-Identifier: MIT
//
// A machine with devices, as the kernel shows it below /sys and /proc.
#pragma once

#include <filesystem>
#include <string>

#include "tests/unit/temporary_folder.h"

namespace qemunit::testing {

class HostTree : public TemporaryFolder {
  public:
    void remove(const std::string &name) const { std::filesystem::remove(*this / name); }
    // Below the machine's root: where its folder is, of which a link is among the devices.
    void add_pci(const std::string &address, const std::string &group, const std::string &driver,
                 const std::string &kind = "0x020000") const {
        const std::string folder = "sys/devices/pci0000:00/" + address;
        write(folder + "/class", kind + "\n");
        write(folder + "/driver_override", "(null)\n");
        link("sys/bus/pci/devices/" + address, "../../../devices/pci0000:00/" + address);
        if (!group.empty()) {
            link(folder + "/iommu_group", "../../../kernel/iommu_groups/" + group);
            make_folder("sys/kernel/iommu_groups/" + group + "/devices/" + address);
        }
        if (!driver.empty())
            link(folder + "/driver", "../../../bus/pci/drivers/" + driver);
    }
    void add_usb(const std::string &port, const std::string &vendor, const std::string &product,
                 const std::string &node, const std::string &kind = "00") const {
        const std::string folder = "sys/devices/pci0000:00/usb1/" + port;
        write(folder + "/idVendor", vendor + "\n");
        write(folder + "/idProduct", product + "\n");
        write(folder + "/bDeviceClass", kind + "\n");
        write(folder + "/dev", node + "\n");
        link("sys/bus/usb/devices/" + port, "../../../devices/pci0000:00/usb1/" + port);
    }
    // Of a device, by its folder: "pci0000:00/0000:00:10.0".
    void add_interface(const std::string &device, const std::string &name) const {
        make_folder("sys/devices/" + device + "/net/" + name);
        link("sys/class/net/" + name, "../../devices/" + device + "/net/" + name);
    }
    void add_disk(const std::string &device, const std::string &name,
                  const std::string &number) const {
        write("sys/devices/" + device + "/block/" + name + "/dev", number + "\n");
        link("sys/class/block/" + name, "../../devices/" + device + "/block/" + name);
        write("dev/" + name, "");
    }
};

}  // namespace qemunit::testing
