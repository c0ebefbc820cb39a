// SPDX-License-Identifier: MIT
#include "generator/host_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "generator/qemu_arguments.h"

namespace qemunit {

void HostClaims::add(const Vm &vm, Diagnostics &diagnostics) {
    for (const Network &network : vm.networks) {
        const std::string section = "Network " + network.name;
        for (const HostForward &forward : network.host_forwards)
            claim(vm,
                  fmt::format("{} port {} of the host", forward.protocol == "tcp" ? "TCP" : "UDP",
                              forward.host_port),
                  {vm.name, vm.location(section, "HostForward=" + forward.text),
                   forward.is_for_all_addresses() ? "" : forward.host_address},
                  diagnostics);
        if (network.type == NetworkType::tap || network.type == NetworkType::bridge)
            claim(vm, fmt::format("The interface '{}'", tap_name(vm, network)),
                  {vm.name, vm.location(section, "Interface"), {}}, diagnostics);
        if (network.mac) {
            std::string mac = network.mac->text;
            std::ranges::transform(mac, mac.begin(),
                                   [](unsigned char c) { return std::tolower(c); });
            claim(vm, fmt::format("The address {}", mac),
                  {vm.name, vm.location(section, "MAC"), {}}, diagnostics);
        }
    }
    if (vm.vsock_cid)
        claim(vm, fmt::format("The CID {}", vm.vsock_cid->number),
              {vm.name, vm.location("VM", "VSockCID"), {}}, diagnostics);
}

void HostClaims::claim(const Vm &vm, const std::string &what, Claim claim,
                       Diagnostics &diagnostics) {
    const auto [first, last] = claims_.equal_range(what);
    const auto overlaps = [&](const auto &item) {
        const Claim &other = item.second;
        return other.vm != vm.name &&
               (other.address == claim.address || other.address.empty() || claim.address.empty());
    };
    if (const auto other = std::find_if(first, last, overlaps); other != last)
        diagnostics.push_back(
            {claim.where, Severity::warning,
             fmt::format("{} is also that of VM '{}' ({}:{}): only one of them can run at a time.",
                         what, other->second.vm, other->second.where.path,
                         other->second.where.line)});
    claims_.emplace(what, std::move(claim));
}

}  // namespace qemunit
