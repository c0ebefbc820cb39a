// SPDX-License-Identifier: MIT
//
// Plugs a drive of the ini into a VM that runs, and out again: what `reload` does with the drives
// of hot_drives.h. qemunitd does it in QEMU; what the image is, is looked at here.
#pragma once

#include <systemd/sd-bus.h>

#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/verbs/hot_drives.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// A file that is missing is made first, if the ini says how large.
Result<> attach_drive(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                      const HotDrive &drive);
// All at once, and waits until the guest has let go of them, for as long as qemunitd does. A result
// for each.
std::vector<Result<>> detach_drives(sd_bus *bus, const std::string &vm,
                                    const std::vector<std::string> &drives);

}  // namespace qemunit::ctl
