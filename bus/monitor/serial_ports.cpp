// SPDX-License-Identifier: MIT
#include "bus/monitor/serial_ports.h"

#include <algorithm>
#include <set>

#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"

namespace qemunit::bus {

std::vector<std::string> serial_ports(const std::map<std::string, std::string> &sockets,
                                      const nlohmann::json &peripherals) {
    std::set<std::string> others = {std::string(kMonitorSocket), std::string(kQmpSocket),
                                    std::string(kControlSocket), std::string(kCompanionSocket),
                                    std::string(kMigrateSocket), std::string(kCopySocket)};
    // A [Channel NAME] is the device NAME (generator/qemu/devices.cpp).
    for (const auto &peripheral : peripherals)
        if (string_at(peripheral, "type") == "child<virtserialport>") {
            const std::string device = string_at(peripheral, "name");
            others.insert(device == kGuestAgentDevice ? std::string(kGuestAgentSocket) : device);
        }
    std::vector<std::string> ports;
    for (const auto &[name, path] : sockets)
        if (!others.contains(name))
            ports.push_back(name);
    std::ranges::stable_partition(ports, [](const auto &port) { return port == kFirstSerialPort; });
    return ports;
}

}  // namespace qemunit::bus
