// SPDX-License-Identifier: MIT
//
// One VM's sources -> the VM: reads the files and runs the pure parts over them. The same
// way in for generating, checking and explaining, so that all three say the same.
#pragma once

#include <optional>
#include <string>

#include "generator/read/firmware.h"
#include "generator/read/search.h"
#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// Nothing if the VM is masked, or has an error, which is in `diagnostics` then. `root` is cut off
// the path that SourcePath= names.
std::optional<Vm> load_vm(const VmSource &source, const std::string &root, const Paths &paths,
                          Architecture host, const std::optional<HostId> &host_id,
                          FirmwareCatalog &firmware, Diagnostics &diagnostics);

}  // namespace qemunit::generator
