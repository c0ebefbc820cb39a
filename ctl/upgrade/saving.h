// SPDX-License-Identifier: MIT
//
// Saves the guest of a VM, and waits until the VM is off. Whoever of qemunitd and the companion
// dies meanwhile, what is said is what has become of the guest: the unit and its state tell.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

#include "common/result.h"

namespace qemunit::ctl {

// Returns when the run of the VM that there is now has ended, with the guest saved; somebody may
// have started the VM again by then. After an error, the guest goes on, unless the error says
// otherwise.
Result<> save_guest(sd_bus *bus, const std::string &vm);

}  // namespace qemunit::ctl
