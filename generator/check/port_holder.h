// SPDX-License-Identifier: MIT
//
// Who has a port of the host right now that a VM is to forward, by the kernel's tables of sockets
// and the processes' descriptors. Only root sees the descriptors of other users. For people who ask
// why; never at boot.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/host_forward.h"

namespace qemunit::generator {

struct PortHolder {
    std::string vm;       // "" if it is none
    std::string process;  // "sshd (PID 812)"; "" if it is not known
};

// Nothing if the port is free.
std::optional<PortHolder> holder_of(const HostForward &forward);

// The sockets in `table`, the text of /proc/net/tcp, tcp6, udp or udp6 (proc(5)), that keep the
// forward from its port, by inode.
std::set<uint64_t> sockets_in_the_way(std::string_view table, const HostForward &forward);

// A port with a lower number needs CAP_NET_BIND_SERVICE (ip(7), ip_unprivileged_port_start).
unsigned first_unprivileged_port();

}  // namespace qemunit::generator
