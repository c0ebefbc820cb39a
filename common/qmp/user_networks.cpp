// SPDX-License-Identifier: MIT
#include "common/qmp/user_networks.h"

#include <sstream>

#include "common/ascii.h"
#include "common/concat.h"

namespace qemunit {

namespace {

// "lan" of "Hub -1 (lan):", or nothing.
std::string_view network_of_head(std::string_view line) {
    const std::size_t open = line.find('(');
    if (line.starts_with(' ') || open == line.npos || !line.ends_with("):"))
        return {};
    const std::string_view name = line.substr(open + 1, line.size() - open - 3);
    return is_network_name(name) ? name : std::string_view();
}

}  // namespace

bool is_network_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of(
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_.-") == name.npos;
}

std::vector<UserNetwork> parse_user_networks(std::string_view info_usernet) {
    std::vector<UserNetwork> networks;
    std::istringstream lines{std::string(info_usernet)};
    for (std::string line; std::getline(lines, line);) {
        while (line.ends_with('\r'))
            line.pop_back();
        if (const std::string_view name = network_of_head(line); !name.empty()) {
            networks.push_back({std::string(name), {}});
            continue;
        }
        UserNetwork::Connection connection;
        std::string kind, fd;
        if (!(std::istringstream(line) >> kind >> fd >> connection.source >>
              connection.source_port >> connection.destination >> connection.destination_port))
            continue;
        const std::size_t bracket = kind.find('[');
        if (bracket == kind.npos || !kind.ends_with(']'))
            continue;
        connection.protocol = to_lower(kind.substr(0, bracket));
        connection.state = kind.substr(bracket + 1, kind.size() - bracket - 2);
        if (networks.empty())
            networks.emplace_back();
        networks.back().connections.push_back(std::move(connection));
    }
    return networks;
}

std::vector<Forward> forwards_of(const std::vector<UserNetwork> &networks) {
    std::vector<Forward> forwards;
    for (const UserNetwork &network : networks)
        for (const auto &connection : network.connections)
            if (connection.is_forward())
                forwards.push_back(
                    {network.name, concat(connection.protocol, ":",
                                          connection.source == "*" ? "" : connection.source, ":",
                                          connection.source_port, "-", connection.destination, ":",
                                          connection.destination_port)});
    return forwards;
}

}  // namespace qemunit
