// SPDX-License-Identifier: MIT
//
// A listening socket that a VM's guest can reach by vsock(7). The helper makes it before it becomes
// QEMU. An error says what is missing on this host, since QEMU would say less.
#pragma once

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

struct VsockListener {
    UniqueFd fd;
    unsigned port = 0;  // of the host, VMADDR_CID_HOST; a free one
};

Result<VsockListener> listen_on_vsock();

}  // namespace qemunit::helper
