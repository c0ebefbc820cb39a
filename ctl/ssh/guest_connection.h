// SPDX-License-Identifier: MIT
//
// A connection to the SSH server of a guest, by the first of several ways on which one answers. A
// guest that is booting has none yet, and a port that is forwarded takes connections all the same:
// only the server's greeting counts. For `proxy`.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time_units.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

struct Way {
    std::string text;  // "vsock:3:22", "127.0.0.1:10022"
    sockaddr_storage address{};
    socklen_t length = 0;

    bool operator==(const Way &other) const { return text == other.text; }
};

Way vsock_way(unsigned cid, unsigned port);
// Of an address in numbers; IPv6 ones may have a %INTERFACE.
Result<Way> tcp_way(const std::string &address, unsigned port);

// `ways` is asked anew again and again, as the guest may get an address meanwhile. What the error
// of a timeout says is `ways`' to tell, with what was tried. The greeting is still to be read from
// the connection.
Result<UniqueFd> connect_to_guest(const std::function<Result<std::vector<Way>>()> &ways,
                                  uint64_t timeout_usec);

}  // namespace qemunit::ctl
