// SPDX-License-Identifier: MIT
//
// Parsed ini files + the schema -> a VM. Says what is unknown or wrong in a line; whether the VM
// makes sense as a whole is for check/checks.h to say.
#pragma once

#include <string>
#include <vector>

#include "generator/read/ini.h"
#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// `files`: the VM's own ini first, then its drop-ins in the order they apply. The
// result is of use only if no error was added to `diagnostics`. `paths`: of the manager that the VM
// is for.
Vm configure(const std::string &name, const std::vector<IniFile> &files, const Paths &paths,
             Diagnostics &diagnostics, const std::optional<HostId> &host_id = {});

}  // namespace qemunit::generator
