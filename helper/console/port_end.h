// SPDX-License-Identifier: MIT
//
// One serial port as the companion has it: the fds at this end, and whom they are for.
#pragma once

#include <string>

#include "common/unique_fd.h"

namespace qemunit::helper {

struct PortEnd {
    std::string name;
    UniqueFd guest;  // what the guest prints, and reads; a pipe's reading end if QEMU serves itself
    UniqueFd listener;  // for clients, or the only one; none if QEMU serves itself
    bool log = true;
    bool direct = false;
    bool is_console = true;  // for people; else for programs, who get each byte once
};

}  // namespace qemunit::helper
