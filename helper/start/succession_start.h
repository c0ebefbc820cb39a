// SPDX-License-Identifier: MIT
//
// The start of a QEMU that takes a running guest over from another one, in place of what
// qemunit-helper does else: the files are those that the other QEMU has, whatever their names lead
// to by now. Never looks at a saved state.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "helper/handover/companion_command.h"
#include "helper/start/drive_images.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

struct SuccessionStart {
    HelperOptions options;
    ListeningSockets sockets;
    OpenImages images;
    UniqueFd answer;                     // where send_ends() goes
    std::vector<std::string> arguments;  // of QEMU
};

Result<SuccessionStart> take_succession(const SuccessorOrder &order, CompanionCommand command);

// This process, and the companion's ends of what it has, by name; take_ends() is the other side.
Result<> send_ends(int socket, const CompanionFds &ends);

}  // namespace qemunit::helper
