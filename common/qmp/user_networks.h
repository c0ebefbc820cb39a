// SPDX-License-Identifier: MIT
//
// What QEMU's monitor prints for `info usernet`, taken apart: the user networks of a VM, with the
// ports of the host that lead into the guest and the connections through them. Pure; QEMU has no
// QMP command for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit {

inline constexpr char kUserNetworksCommand[] = "info usernet";

struct UserNetwork {
    struct Connection {
        std::string protocol;  // "tcp"
        std::string state;     // "HOST_FORWARD", "ESTABLISHED"
        std::string source, source_port;
        std::string destination, destination_port;

        // A port of the host that waits for connections.
        bool is_forward() const { return state == "HOST_FORWARD"; }
    };

    std::string name;  // "lan"
    std::vector<Connection> connections;
};

// Whether QEMU takes the name as an id (id_wellformed() in util/id.c).
bool is_network_name(std::string_view name);

// libslirp's misc.c, slirp_connection_info(), below a head of QEMU's net/slirp.c,
// hmp_info_usernet(). Lines before any head are of a network without a name. Lines of another form
// are left out, and so are connections by UDP, which have no state.
std::vector<UserNetwork> parse_user_networks(std::string_view info_usernet);

// A port of the host that leads to the guest.
struct Forward {
    std::string network;  // "lan"
    std::string rule;     // "tcp:127.0.0.1:10022-10.0.2.15:22", as the ini file has it
};
std::vector<Forward> forwards_of(const std::vector<UserNetwork> &networks);

}  // namespace qemunit
