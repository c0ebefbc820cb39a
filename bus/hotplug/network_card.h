// SPDX-License-Identifier: MIT
//
// A network that is attached while the VM runs, in QEMU's words. Pure but for network_end(), which
// asks the kernel what a descriptor is.
#pragma once

#include <nlohmann/json.hpp>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "bus/monitor/hot_drive.h"

namespace qemunit::bus {

// The host's end: a tap interface, or a socket that frames come by, each behind its length in four
// bytes (stream), or each as a datagram.
enum class NetworkEnd { none, tap, stream, datagram };
NetworkEnd network_end(int fd);

struct HotNetwork {
    std::string name;
    std::string mac;  // "52:54:00:12:34:56"
    std::string model = "virtio";
    NetworkEnd end = NetworkEnd::none;
};

// The id of the card, and of what it is connected to.
std::string hot_network_id(std::string_view name);

// What is wrong with them, for people; "" if nothing is.
std::string hot_network_fault(const HotNetwork &network);

// Of QEMU's range, with a random end.
std::string random_mac();

// The bus for the card, or why there is none and what to do.
std::expected<std::string, std::string> network_bus(const HotPlugMachine &machine,
                                                    const std::vector<std::string> &free_ports,
                                                    const std::string &vm);

// The arguments of netdev_add, where QEMU has the host's end as `fd_name` (getfd), and of
// device_add.
nlohmann::json netdev_arguments(const HotNetwork &network, const std::string &fd_name);
nlohmann::json card_arguments(const HotNetwork &network, const std::string &bus);

}  // namespace qemunit::bus
