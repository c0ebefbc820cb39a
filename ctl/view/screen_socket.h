// SPDX-License-Identifier: MIT
//
// Where a VM's screen is, by the command line of its QEMU; and who has opened a connection of this
// host. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

struct ScreenSocket {
    enum class Protocol { vnc, spice };
    Protocol protocol = Protocol::vnc;
    std::string path;
};

// Of ExecStart=. Nothing if QEMU has no screen, or not on a socket of a path.
std::optional<ScreenSocket> screen_socket(const std::vector<std::string> &words);

// The user who has the end `local_port` of a connection from there to `remote_port`, both of
// 127.0.0.1, by the text of /proc/net/tcp.
std::optional<uint32_t> owner_of_connection(std::string_view proc_net_tcp, uint16_t local_port,
                                            uint16_t remote_port);

}  // namespace qemunit::ctl
