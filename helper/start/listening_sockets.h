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

// Takes the sockets over: they are close-on-exec, and LISTEN_* is gone from the environment. Fails
// if there are none; a fd that is no listening stream socket with a path ending in ".sock" is
// closed.
Result<ListeningSockets> take_listening_sockets();

}  // namespace qemunit::helper
