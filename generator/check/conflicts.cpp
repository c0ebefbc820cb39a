// SPDX-License-Identifier: MIT
#include "generator/check/conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/ascii.h"
#include "common/concat.h"
#include "generator/vm/defaults.h"
#include "generator/vm/mac_address.h"

namespace qemunit::generator {

void Conflicts::add(const Vm &vm, Diagnostics &diagnostics) {
    for (const Network &network : vm.networks) {
        const std::string section = concat("Network ", network.name);
        for (const HostForward &forward : network.host_forwards)
            claim({forward.protocol == "tcp" ? Kind::tcp_port : Kind::udp_port,
                   fmt::to_string(forward.host_port)},
                  {vm.name, vm.location(section, concat("HostForward=", forward.text)),
                   forward.is_for_all_addresses() ? "" : forward.host_address},
                  diagnostics);
        if (network.type == NetworkType::tap || network.type == NetworkType::bridge)
            claim({Kind::interface, tap_name(vm, network)},
                  {vm.name, vm.location(section, "Interface"), {}}, diagnostics);
        // Two equal addresses that are made of names do no harm if only QEMU's own networks see
        // them.
        std::string mac = to_lower(mac_address(vm, network));
        const bool is_met = network.mac || is_made_with_host_id(network);
        claim({Kind::mac, std::move(mac)},
              {vm.name, vm.location(section, "MAC"), is_met ? "" : vm.name}, diagnostics);
    }
    for (const HostDevice &device : vm.host_devices) {
        const std::string section = concat("HostDevice ", device.name);
        if (device.pci)
            claim({Kind::pci_device, device.pci->text}, {vm.name, vm.location(section, "PCI"), {}},
                  diagnostics);
        // Of the others, the host may have several.
        if (device.usb && device.usb->is_port)
            claim({Kind::usb_device, device.usb->text}, {vm.name, vm.location(section, "USB"), {}},
                  diagnostics);
    }
    if (vm.vsock_cid)
        claim({Kind::cid, fmt::to_string(vm.vsock_cid->number)},
              {vm.name, vm.location("VM", "VSockCID"), {}}, diagnostics);
}

void Conflicts::claim(Resource resource, Claim claim, Diagnostics &diagnostics) {
    const auto [first, last] = claims_.equal_range(resource);
    const auto overlaps = [&](const auto &item) {
        const Claim &other = item.second;
        return other.vm != claim.vm &&
               (other.address == claim.address || other.address.empty() || claim.address.empty());
    };
    if (const auto other = std::find_if(first, last, overlaps); other != last)
        diagnostics.push_back(
            {claim.where, Severity::warning,
             fmt::format(
                 "{} is also that of VM '{}' ({}:{}): only one of them can run at a time.{}",
                 to_text(resource), other->second.vm, other->second.where.path,
                 other->second.where.line,
                 resource.first == Kind::mac ? " Give one of them another with MAC=." : "")});
    claims_.emplace(std::move(resource), std::move(claim));
}

std::string Conflicts::to_text(const Resource &resource) {
    switch (resource.first) {
        case Kind::tcp_port:
            return fmt::format("TCP port {} of the host", resource.second);
        case Kind::udp_port:
            return fmt::format("UDP port {} of the host", resource.second);
        case Kind::interface:
            return fmt::format("The interface '{}'", resource.second);
        case Kind::mac:
            return fmt::format("The address {}", resource.second);
        case Kind::pci_device:
            return fmt::format("The PCI device {} of the host", resource.second);
        case Kind::usb_device:
            return fmt::format("The USB device {} of the host", resource.second);
        case Kind::cid:
            break;
    }
    return fmt::format("The CID {}", resource.second);
}

}  // namespace qemunit::generator
