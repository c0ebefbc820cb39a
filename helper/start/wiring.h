// SPDX-License-Identifier: MIT
//
// Which fd goes to QEMU under which chardev, and which stays with the companion.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/options.h"
#include "helper/start/drive_images.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

// QEMU's side: arguments and the fds that they name.
struct QemuSide {
    std::vector<std::string> arguments;
    std::vector<UniqueFd> fds;
};

struct Wiring {
    QemuSide qemu;
    CompanionFds companion;
    std::vector<std::string> warnings;  // sockets that were expected and are not there
};

// All fds are still close-on-exec. Those of `images` stay with their owner.
Result<Wiring> wire(const HelperOptions &options, ListeningSockets sockets,
                    const OpenImages &images);

}  // namespace qemunit::helper
