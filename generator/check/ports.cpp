// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "common/paths.h"
#include "common/shared_names.h"
#include "generator/check/sections.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

constexpr std::size_t kSocketPathMax = 107;  // unix(7), sun_path without its NUL

// `what`: "A channel".
void check_socket(const Vm &vm, const std::string &section, std::string_view what,
                  const std::string &name, Findings &findings) {
    check_socket_path(section, vm.paths.socket_path(vm.name, name), findings);
    for (std::string_view taken : {kMonitorSocket, kQmpSocket, kControlSocket, kCompanionSocket,
                                   kMigrateSocket, kCopySocket})
        if (name == taken)
            findings.error(
                section, "",
                fmt::format("{} must not be called '{}': that socket is QEMU's.", what, taken));
    if (name == kGuestAgentSocket && vm.guest_agent)
        findings.error(section, "",
                       fmt::format("{} must not be called '{}': that socket is the guest agent's.",
                                   what, name));
}

}  // namespace

void check_ports(const Vm &vm, Architecture host, Findings &findings) {
    const MachineTraits traits = machine_traits(vm, host);
    unsigned uarts = 0;
    for (const Serial &serial : vm.serials) {
        const std::string section = "Serial " + serial.name;
        if (effective_type(vm, serial, host) == SerialType::isa && ++uarts > traits.uarts)
            findings.error(
                section, "Type",
                fmt::format("Type=isa: the machine '{}' has room for {} such port{}; write "
                            "Type=virtio.",
                            traits.machine, traits.uarts, traits.uarts == 1 ? "" : "s"));
        check_socket(vm, section, "A serial port", serial.name, findings);
    }
    for (const Channel &channel : vm.channels)
        check_socket(vm, "Channel " + channel.name, "A channel", channel.name, findings);
}

void check_socket_path(const std::string &section, const std::string &path, Findings &findings) {
    if (path.size() > kSocketPathMax)
        findings.error(
            section, "",
            fmt::format("The socket {} would have a path of more than {} characters: choose "
                        "a shorter name for the VM or for the device.",
                        path, kSocketPathMax));
}

}  // namespace qemunit::generator
