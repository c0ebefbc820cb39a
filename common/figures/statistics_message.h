// SPDX-License-Identifier: MIT
//
// Reads the answer of GetAllStatistics (org.qemunit1(5)). Keys that it does not know, of a newer
// qemunitd, are skipped.
#pragma once

#include <systemd/sd-bus.h>

#include <map>
#include <string>

#include "common/figures/vm_figures.h"
#include "common/result.h"

namespace qemunit {

Result<std::map<std::string, VmFigures>> read_all_statistics(sd_bus_message *reply);

}  // namespace qemunit
