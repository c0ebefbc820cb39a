// SPDX-License-Identifier: MIT
//
// [HostDevice …]: one device each, in a machine that has a place for it, of a VM that is never
// saved.
#include <fmt/format.h>

#include <map>

#include "common/concat.h"
#include "generator/check/sections.h"
#include "generator/vm/machine.h"

namespace qemunit::generator {

namespace {

// With the numbers of their ports, a byte each.
constexpr std::size_t kMostPciDevices = 32;

void check_address(const Vm &vm, Architecture host, const HostDevice &device, Findings &findings) {
    const std::string section = concat("HostDevice ", device.name);
    // Of a key with a bad value, something is said already.
    const bool names_one =
        vm.places.contains({section, "PCI"}) || vm.places.contains({section, "USB"});
    if (!device.pci && !device.usb && names_one)
        return;
    if (!device.pci && !device.usb)
        return findings.error(
            section, "",
            fmt::format("Section [{}] needs PCI= or USB=: which device it is.", section));
    if (device.pci && device.usb)
        return findings.error(section, "USB",
                              "PCI= and USB= exclude each other: a section is one device.");
    if (device.optional && !device.usb)
        findings.error(section, "Optional",
                       "Optional= needs USB=: a PCI device is there when the VM starts.");
    const MachineTraits traits = machine_traits(vm, host);
    if (!traits.has_pci)
        findings.error(section, device.pci ? "PCI" : "USB",
                       fmt::format("{}: the machine '{}' has no PCI bus for {}.",
                                   device.pci ? concat("PCI=", device.pci->text)
                                              : concat("USB=", device.usb->text),
                                   traits.machine, device.pci ? "it" : "a USB controller"));
}

}  // namespace

void check_host_devices(const Vm &vm, Architecture host, Findings &findings) {
    std::map<std::string_view, std::string_view> sections;  // by address
    std::size_t pci_devices = 0;
    for (const HostDevice &device : vm.host_devices) {
        const std::string section = concat("HostDevice ", device.name);
        check_address(vm, host, device, findings);
        const std::string_view key = device.pci ? "PCI" : "USB";
        const std::string *address = device.pci                          ? &device.pci->text
                                     : device.usb && device.usb->is_port ? &device.usb->text
                                                                         : nullptr;
        if (address)
            if (const auto [it, is_new] = sections.try_emplace(*address, device.name); !is_new)
                findings.error(
                    section, key,
                    fmt::format("{}={}: section [HostDevice {}] has this device already.", key,
                                *address, it->second));
        if (device.pci && ++pci_devices == kMostPciDevices + 1)
            findings.error(section, "PCI",
                           fmt::format("More than {} PCI devices of the host; the machine has no "
                                       "room for them.",
                                       kMostPciDevices));
    }
    if (vm.host_devices.empty())
        return;
    const std::string first = concat("HostDevice ", vm.host_devices.front().name);
    if (vm.stop == StopAction::hibernate)
        findings.error(
            "VM", "Stop",
            fmt::format("Stop=hibernate and [{}] exclude each other: the state of a device "
                        "of the host cannot be saved with the guest's.",
                        first));
    if (!vm.load_snapshot.empty())
        findings.warn("VM", "LoadSnapshot",
                      fmt::format("LoadSnapshot=: the device of [{}] is as after a reset then, "
                                  "whatever the guest has done with it before the snapshot.",
                                  first));
}

}  // namespace qemunit::generator
