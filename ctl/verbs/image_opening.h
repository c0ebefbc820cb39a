// SPDX-License-Identifier: MIT
//
// Opens an image for a VM that runs. `systemctl reload` is root, and an image of the ini may lie in
// the VM's own folder, or in somebody else's: such ones are opened as qemunit-open does at a start.
// A person's are opened with the person's rights.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<UniqueFd> open_image(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                            const std::string &file, bool write);

}  // namespace qemunit::ctl
