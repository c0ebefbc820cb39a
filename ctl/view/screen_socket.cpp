// SPDX-License-Identifier: MIT
#include "ctl/view/screen_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <sstream>

#include "common/whole_number.h"

namespace qemunit::ctl {

namespace {

// Up to the first comma that is not doubled, with those that are made single.
std::string first_value(std::string_view text) {
    std::string value;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ',' && (i + 1 == text.size() || text[i + 1] != ','))
            break;
        i += text[i] == ',' ? 1 : 0;
        value += text[i];
    }
    return value;
}

// Of "unix=on,addr=/path,disable-ticketing=on".
std::string spice_address(std::string_view text) {
    constexpr std::string_view kAddress = "addr=";
    while (!text.empty()) {
        const std::string property = first_value(text);
        if (property.starts_with(kAddress))
            return property.substr(kAddress.size());
        // As long as it stands there, commas being doubled.
        std::size_t length = 0;
        for (std::size_t i = 0; i < property.size(); ++i)
            length += property[i] == ',' ? 2 : 1;
        text.remove_prefix(std::min(text.size(), length + 1));
    }
    return {};
}

}  // namespace

std::optional<ScreenSocket> screen_socket(const std::vector<std::string> &words) {
    using Protocol = ScreenSocket::Protocol;
    constexpr std::string_view kUnix = "unix:";
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string &value = words[i + 1];
        if (words[i] == "-vnc" && value.starts_with(kUnix))
            return ScreenSocket{Protocol::vnc,
                                first_value(std::string_view(value).substr(kUnix.size()))};
        if (words[i] == "-spice")
            if (const std::string path = spice_address(value); path.starts_with('/'))
                return ScreenSocket{Protocol::spice, path};
    }
    return std::nullopt;
}

// "  1: 0100007F:170C 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000  1000 …": proc(5).
std::optional<uint32_t> owner_of_connection(std::string_view proc_net_tcp, uint16_t local_port,
                                            uint16_t remote_port) {
    // The kernel prints the address as a number of the machine's byte order.
    const std::string_view loopback =
        std::endian::native == std::endian::little ? "0100007F" : "7F000001";
    const std::string local = fmt::format("{}:{:04X}", loopback, local_port),
                      remote = fmt::format("{}:{:04X}", loopback, remote_port);
    std::istringstream lines{std::string(proc_net_tcp)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string number, from, to, state, queues, timer, retries, owner;
        fields >> number >> from >> to >> state >> queues >> timer >> retries >> owner;
        if (from == local && to == remote)
            return whole_number<uint32_t>(owner);
    }
    return std::nullopt;
}

}  // namespace qemunit::ctl
