// SPDX-License-Identifier: MIT
#include "generator/check/user_scope.h"

#include <fmt/format.h>

#include <algorithm>

#include "generator/vm/text.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

// Settings of systemd.exec(5) with which a user's manager fails to start a service.
constexpr std::string_view kServiceKeys[] = {"AmbientCapabilities", "CapabilityBoundingSet",
                                             "DynamicUser",         "Group",
                                             "SupplementaryGroups", "User"};

class ScopeChecker {
  public:
    ScopeChecker(const Vm &vm, Diagnostics &diagnostics) : vm_(vm), diagnostics_(diagnostics) {}

    void check() {
        if (vm_.user)
            refuse(vm_.location("VM", "User"), "User", vm_.user->text,
                   "QEMU runs as the user whose VM it is.");
        check_access("Monitor", vm_.monitor);
        for (const Serial &serial : vm_.serials)
            check_access("Serial " + serial.name, serial.socket);
        for (const Channel &channel : vm_.channels)
            check_access("Channel " + channel.name, channel.socket);
        for (const Network &network : vm_.networks)
            if (network.type == NetworkType::tap || network.type == NetworkType::bridge)
                refuse(vm_.location("Network " + network.name, "Type"), "Type",
                       name_of(network.type),
                       "a user may make no interfaces of the host. Type=user and Type=passt need "
                       "none.");
        for (const HostDevice &device : vm_.host_devices)
            for (const auto &[key, address] :
                 {std::pair("PCI", device.pci ? &device.pci->text : nullptr),
                  std::pair("USB", device.usb ? &device.usb->text : nullptr)})
                if (address)
                    refuse(vm_.location("HostDevice " + device.name, key), key, *address,
                           "a user may take no device from the host.");
        if (vm_.memory_settings.locked)
            refuse(vm_.location("Memory", "Locked"), "Locked", "yes",
                   "a user may lock only little memory.");
        for (const Share &share : vm_.shares)
            if (share.type == ShareType::virtiofs)
                refuse(vm_.location("Share " + share.name, "Type"), "Type", name_of(share.type),
                       "virtiofsd runs as root. Type=9p does not need it.");
        for (const UnitLine &line : vm_.service_lines)
            if (std::ranges::find(kServiceKeys, line.key) != std::end(kServiceKeys))
                refuse(line.where, line.key, line.value,
                       "a user's manager starts nothing with other rights than its own.");
    }

  private:
    void check_access(const std::string &section, const SocketAccess &access) {
        for (const auto &[key, account] :
             {std::pair("SocketUser", &access.user), std::pair("SocketGroup", &access.group)})
            if (*account)
                refuse(vm_.location(section, key), key, (*account)->text,
                       "nobody else gets into the folder of a user's sockets.");
    }

    void refuse(const Location &where, std::string_view key, std::string_view value,
                std::string_view why) {
        diagnostics_.push_back(
            {where, Severity::error,
             fmt::format("{}={} needs the system manager: {}", key, shorten(value), why)});
    }

    const Vm &vm_;
    Diagnostics &diagnostics_;
};

}  // namespace

void check_user_scope(const Vm &vm, Diagnostics &diagnostics) {
    ScopeChecker(vm, diagnostics).check();
}

}  // namespace qemunit::generator
