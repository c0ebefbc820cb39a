// SPDX-License-Identifier: MIT
#include "bus/hotplug/network_card.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "common/ascii.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr unsigned kMiscMajor = 10, kTunMinor = 200;  // Documentation/admin-guide/devices.txt

// With a name, it is an interface; without, a tap that is none yet.
bool is_tap(int fd, const struct statx &info) {
    ifreq request{};
    return S_ISCHR(info.stx_mode) && info.stx_rdev_major == kMiscMajor &&
           info.stx_rdev_minor == kTunMinor && ioctl(fd, TUNGETIFF, &request) == 0 &&
           (request.ifr_flags & IFF_TAP) != 0;
}

int socket_option(int fd, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

// "52:54:00:12:34:56", not of a group, not 0.
bool is_mac(std::string_view text) {
    if (text.size() != 17 || text == "00:00:00:00:00:00")
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i % 3 == 2 ? text[i] != ':' : kHexDigits.find(text[i]) == std::string_view::npos)
            return false;
    return std::string_view("02468aceACE").find(text[1]) != std::string_view::npos;
}

constexpr std::size_t kNetworkNameMax = 31;

}  // namespace

NetworkEnd network_end(int fd) {
    // Asks no file system, which might not answer.
    struct statx info {};
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) != 0)
        return NetworkEnd::none;
    if (is_tap(fd, info))
        return NetworkEnd::tap;
    if (!S_ISSOCK(info.stx_mode) || socket_option(fd, SO_ACCEPTCONN) != 0)
        return NetworkEnd::none;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    // A message that nobody is to get, QEMU would send to where no one is.
    if (getpeername(fd, reinterpret_cast<sockaddr *>(&peer), &size) < 0)
        return NetworkEnd::none;
    switch (socket_option(fd, SO_TYPE)) {
        case SOCK_STREAM:
            return NetworkEnd::stream;
        case SOCK_DGRAM:
            return NetworkEnd::datagram;
        default:
            return NetworkEnd::none;
    }
}

std::string hot_network_id(std::string_view name) {
    return fmt::format("{}{}", kHotNetworkIds, name);
}

std::string hot_network_fault(const HotNetwork &network) {
    if (network.name.empty() || network.name.size() > kNetworkNameMax ||
        !std::ranges::all_of(network.name, [](char c) { return is_alphanumeric_or(c, "._-"); }))
        return fmt::format(
            "The name of a network is made of the letters A to Z and a to z, digits, '.', '_' and "
            "'-', {} at most",
            kNetworkNameMax);
    if (network.end == NetworkEnd::none)
        return "The file is neither a tap interface nor a connected socket of the type stream or "
               "datagram";
    if (!is_mac(network.mac))
        return fmt::format("'{}' is no address of a network card, as 52:54:00:12:34:56 is",
                           network.mac);
    if (network.model != "virtio" && network.model != "e1000e")
        return fmt::format("The model '{}' is none of virtio, e1000e", network.model);
    return {};
}

std::string random_mac() {
    std::array<unsigned char, 3> end{};
    arc4random_buf(end.data(), end.size());
    return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", end[0], end[1], end[2]);
}

std::expected<std::string, std::string> network_bus(const HotPlugMachine &machine,
                                                    const std::vector<std::string> &free_ports,
                                                    const std::string &vm) {
    if (machine.type.starts_with("pc-i440fx"))
        return "pci.0";
    if (!free_ports.empty())
        return free_ports.front();
    const std::size_t ports = pcie_root_ports(machine).size();
    return std::unexpected(fmt::format(
        "VM '{}' has no place for another network: a card takes a PCIe root port, and it has {}; "
        "add HotPlugPorts={} to [VM] of its ini, and start it anew",
        vm, ports ? "none that is free" : "none", ports + 1));
}

// "socket" and not "stream", which looks for the descriptor by its number alone, in a thread that
// has no monitor (net/stream.c of QEMU).
json netdev_arguments(const HotNetwork &network, const std::string &fd_name) {
    return {{"type", network.end == NetworkEnd::tap ? "tap" : "socket"},
            {"id", hot_network_id(network.name)},
            {"fd", fd_name}};
}

json card_arguments(const HotNetwork &network, const std::string &bus) {
    const std::string id = hot_network_id(network.name);
    return {{"driver", network.model == "virtio" ? "virtio-net-pci" : network.model},
            {"id", id},
            {"netdev", id},
            {"mac", network.mac},
            {"bus", bus}};
}

}  // namespace qemunit::bus
