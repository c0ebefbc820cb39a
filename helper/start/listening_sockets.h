// SPDX-License-Identifier: MIT
//
// The sockets that systemd passed (sd_listen_fds(3)), by name. The order over several
// socket units is undefined, and one unit has several, so each is asked for its own path:
// /run/qemunit/vm1/monitor.sock is "monitor".
#pragma once

#include <map>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

using ListeningSockets = std::map<std::string, UniqueFd>;

// Files that were stored (FDSTORE= of sd_notify(3)), by the names that systemd passes with them.
using StoredFiles = std::map<std::string, UniqueFd>;

struct PassedFds {
    ListeningSockets sockets;
    StoredFiles files;
};

// Takes all over: they are close-on-exec, and LISTEN_* is gone from the environment. Fails if there
// are no sockets; a fd that is neither a file, folder, block device or tap with a name, nor a
// listening stream socket with a path ending in ".sock", is closed.
Result<PassedFds> take_passed_fds();

}  // namespace qemunit::helper
