// SPDX-License-Identifier: MIT
//
// The tap interfaces that qemunit-open has opened, for QEMU.
#pragma once

#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

// Takes them out of `stored`, and puts their numbers in the place of their names in QEMU's words.
// An interface that is not there keeps its name: QEMU opens it, or says why it cannot.
struct Taps {
    std::vector<UniqueFd> fds;
    // QEMU's words that say, to who asks QEMU (query-fdsets), which interfaces these are.
    std::vector<std::string> arguments;
};
Taps take_taps(StoredFiles &stored, std::vector<std::string> &qemu);

}  // namespace qemunit::helper
