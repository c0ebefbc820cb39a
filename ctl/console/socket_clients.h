// SPDX-License-Identifier: MIT
//
// Who is connected to a listening Unix socket, by the kernel's own list (sock_diag(7)), which
// is what ss(8) reads. The kernel knows the sockets at both ends; whose the far ends are is in
// /proc, for those who may read it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace qemunit::ctl {

struct SocketClients {
    std::size_t count = 0;            // also those whose process cannot be seen
    std::vector<std::string> people;  // "socat (PID 123)"
};

// All clients but this process. Nobody, if the kernel cannot be asked.
SocketClients clients_of(const std::string &path);

// "socat (PID 123)", "2 other clients" where their processes cannot be seen; "" for nobody.
std::string clients_text(const SocketClients &clients);

}  // namespace qemunit::ctl
