// SPDX-License-Identifier: MIT
//
// Whether systemd has mounted for QEMU what qemunit-open has found. PID 1 follows links, also those
// of somebody with fewer rights, who may lay them at any moment.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

// Takes what was found out of `stored`, and closes it: QEMU must not have it. A path where there is
// nothing is QEMU's to complain about.
Result<> check_mounted(const std::vector<std::string> &paths, StoredFiles &stored);

}  // namespace qemunit::helper
