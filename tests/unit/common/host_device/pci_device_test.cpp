// SPDX-License-Identifier: MIT
#include "common/host_device/pci_device.h"

#include <gtest/gtest.h>

#include "tests/unit/host_tree.h"

namespace qemunit {
namespace {

TEST(PciDeviceTest, IsWhatTheKernelSaysOfIt) {
    const testing::HostTree host;
    host.add_pci("0000:03:00.0", "12", "nvidia", "0x030000");
    const auto device = find_pci_device(host.path(), "0000:03:00.0");
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_EQ(device->driver, "nvidia");
    EXPECT_EQ(device->group, "12");
    EXPECT_TRUE(device->is_display());
    EXPECT_FALSE(device->is_bridge());
}

TEST(PciDeviceTest, IsNotFoundWhereThereIsNone) {
    const testing::HostTree host;
    host.add_pci("0000:00:1c.0", "3", "pcieport", "0x060400");
    host.add_pci("0000:00:1d.0", "", "e1000");
    EXPECT_EQ(find_pci_device(host.path(), "0000:03:00.0").error().message,
              "this machine has no PCI device 0000:03:00.0; `lspci -D` lists those that it has");
    EXPECT_EQ(find_pci_device(host.path(), "0000:00:1c.0").error().message,
              "the PCI device 0000:00:1c.0 is a bridge, which no VM can have");
    EXPECT_EQ(
        find_pci_device(host.path(), "0000:00:1d.0").error().message,
        "the PCI device 0000:00:1d.0 is in no IOMMU group: switch the IOMMU on (VT-d, AMD-Vi) "
        "in the machine's firmware setup and, of Intel, with intel_iommu=on on the kernel's "
        "command line");
}

// Which would end with its driver, and may be other VMs'.
TEST(PciDeviceTest, IsNotTheGuestsWhileItHasVirtualFunctions) {
    const testing::HostTree host;
    host.add_pci("0000:03:00.0", "12", "ixgbe");
    host.write("sys/devices/pci0000:00/0000:03:00.0/sriov_numvfs", "0\n");
    EXPECT_TRUE(find_pci_device(host.path(), "0000:03:00.0"));
    host.write("sys/devices/pci0000:00/0000:03:00.0/sriov_numvfs", "4\n");
    EXPECT_EQ(
        find_pci_device(host.path(), "0000:03:00.0").error().message,
        "the PCI device 0000:03:00.0 has 4 virtual functions, which end with its driver: hand "
        "over one of these, or remove them with `echo 0 "
        ">/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs`");
}

TEST(PciDeviceTest, ComesWithItsGroup) {
    const testing::HostTree host;
    host.add_pci("0000:03:00.0", "12", "nvidia", "0x030000");
    host.add_pci("0000:03:00.1", "12", "snd_hda_intel", "0x040300");
    host.add_pci("0000:03:00.2", "12", "xhci_hcd", "0x0c0330");
    host.add_pci("0000:03:00.3", "12", "", "0x0c8000");
    host.add_pci("0000:03:00.4", "12", "vfio-pci", "0x0c8000");
    host.add_pci("0000:03:00.5", "12", "mlx5-vfio-pci", "0x0c8000");
    host.add_pci("0000:00:01.0", "12", "pcieport", "0x060400");
    host.add_pci("0000:04:00.0", "13", "nvme", "0x010802");
    const auto device = find_pci_device(host.path(), "0000:03:00.0");
    ASSERT_TRUE(device);
    EXPECT_EQ(others_in_group(host.path(), *device).size(), 6U);
    const auto none = check_group(host.path(), *device, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(
        none.error().message,
        "the PCI device 0000:03:00.0 is in IOMMU group 12 with 0000:03:00.1 (snd_hda_intel), "
        "0000:03:00.2 (xhci_hcd), for which the host has a driver: a group goes to one VM as a "
        "whole; give it those as well, with a [HostDevice] each");
    EXPECT_FALSE(check_group(host.path(), *device, {"0000:03:00.1"}));
    EXPECT_TRUE(check_group(host.path(), *device, {"0000:03:00.1", "0000:03:00.2"}));
}

}  // namespace
}  // namespace qemunit
