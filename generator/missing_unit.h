// SPDX-License-Identifier: MIT
//
// Why a VM does not start: what the template unit qemu@.service runs where the generator
// has left no drop-in for the instance. `systemctl status` then shows it.
#pragma once

#include <string>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// One or more messages, the most telling first. `root` as for find_vms().
Diagnostics missing_unit_reasons(const std::string &name, const std::string &root,
                                 const Paths &paths, Architecture host);

}  // namespace qemunit::generator
