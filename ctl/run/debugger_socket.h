// SPDX-License-Identifier: MIT
//
// Where gdb reaches the kernel of a guest: a path, gone with this program however it ends.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

struct DebuggerSocket {
    std::string path;
    UniqueFd socket;   // listens, for QEMU
    UniqueFd remover;  // the path is removed when it has been closed, also by SIGKILL

    static Result<DebuggerSocket> make(std::string path);
};

}  // namespace qemunit::ctl
