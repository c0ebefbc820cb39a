// SPDX-License-Identifier: MIT
//
// The USB devices of the host that qemunit-open has opened, for QEMU, which sees no node of them.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/start/listening_sockets.h"

namespace qemunit::helper {

struct UsbDevices {
    std::vector<UniqueFd> fds;
    std::vector<std::string> arguments;  // QEMU's words for the sets that its others name
};

// Takes them out of `stored`. A device that is not there is taken out of QEMU's words if it is one
// of `optional`, by its name; of another one, QEMU would say nothing that helps.
Result<UsbDevices> take_usb_devices(StoredFiles &stored, std::vector<std::string> &qemu,
                                    const std::vector<std::string> &optional);

}  // namespace qemunit::helper
