// SPDX-License-Identifier: MIT
#include "common/host_device/pci_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/whole_number.h"

namespace qemunit {

namespace {

PciDevice read_device(const std::string &root, std::string_view address) {
    const std::string folder = pci_folder(root, address);
    PciDevice device{.address = std::string(address),
                     .driver = link_name(folder + "/driver"),
                     .group = link_name(folder + "/iommu_group")};
    const std::string kind = kernel_text(folder + "/class");
    if (kind.starts_with("0x"))
        device.kind = whole_number<unsigned>(kind.substr(2), {.base = 16}).value_or(0);
    return device;
}

// Drivers beside which the kernel lets others of the group be handed over (driver_managed_dma in
// struct pci_driver): they let the device do nothing.
bool is_harmless(const PciDevice &device) {
    return device.driver.empty() || device.is_bridge() || device.driver == kVfioDriver ||
           device.driver == "pci-stub" || device.driver == "pcieport" ||
           device.driver.ends_with("-vfio-pci");
}

}  // namespace

std::string pci_folder(const std::string &root, std::string_view address) {
    return concat(root, "/sys/bus/pci/devices/", address);
}

Result<PciDevice> find_pci_device(const std::string &root, std::string_view address) {
    std::error_code error;
    if (!std::filesystem::exists(pci_folder(root, address), error))
        return fail(ENOENT, fmt::format("this machine has no PCI device {}; `lspci -D` lists those "
                                        "that it has",
                                        address));
    PciDevice device = read_device(root, address);
    if (device.is_bridge())
        return fail(ENODEV,
                    fmt::format("the PCI device {} is a bridge, which no VM can have", address));
    const auto functions =
        whole_number<unsigned>(kernel_text(pci_folder(root, address) + "/sriov_numvfs"));
    if (functions && *functions > 0)
        return fail(EBUSY,
                    fmt::format("the PCI device {0} has {1} virtual function{2}, which end with "
                                "its driver: hand over one of these, or remove them with `echo 0 "
                                ">/sys/bus/pci/devices/{0}/sriov_numvfs`",
                                address, *functions, *functions == 1 ? "" : "s"));
    if (device.group.empty())
        return fail(
            ENODEV,
            fmt::format("the PCI device {} is in no IOMMU group: switch the IOMMU on (VT-d, "
                        "AMD-Vi) in the machine's firmware setup and, of Intel, with "
                        "intel_iommu=on on the kernel's command line",
                        address));
    return device;
}

std::vector<PciDevice> others_in_group(const std::string &root, const PciDevice &device) {
    std::vector<PciDevice> others;
    for (const std::string &address :
         names_in(concat(root, "/sys/kernel/iommu_groups/", device.group, "/devices")))
        if (address != device.address)
            others.push_back(read_device(root, address));
    return others;
}

Result<> check_group(const std::string &root, const PciDevice &device,
                     const std::vector<std::string> &given) {
    std::string used;
    for (const PciDevice &other : others_in_group(root, device))
        if (!is_harmless(other) && std::ranges::find(given, other.address) == given.end())
            used += fmt::format("{}{} ({})", used.empty() ? "" : ", ", other.address, other.driver);
    if (used.empty())
        return {};
    return fail(EBUSY, fmt::format("the PCI device {} is in IOMMU group {} with {}, for which the "
                                   "host has a driver: a group goes to one VM as a whole; give it "
                                   "those as well, with a [HostDevice] each",
                                   device.address, device.group, used));
}

}  // namespace qemunit
