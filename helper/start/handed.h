// SPDX-License-Identifier: MIT
//
// What `qemunitctl run` hands to the helper, over the socket that is its standard input
// (common/run/protocol.h): files that QEMU's command line names by their numbers, and sockets.
#pragma once

#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

struct Handed {
    UniqueFd caller;  // the VM ends when the other end is closed
    std::vector<UniqueFd> files;
    ListeningSockets sockets;  // connected ones, here
};

// Never waits: the caller has written before it had the unit started. Tells the caller that the
// helper runs. Standard input is empty afterwards.
Result<Handed> take_handed();

}  // namespace qemunit::helper
