// SPDX-License-Identifier: MIT
//
// GetHostForwards of org.qemunit1.VM, asked and read. For the verbs that show forwards, or change
// them.
#pragma once

#include <systemd/sd-bus.h>

#include <string>
#include <vector>

#include "common/qmp/user_networks.h"
#include "common/result.h"

namespace qemunit::ctl {

inline constexpr char kGetForwards[] = "GetHostForwards";

Result<std::vector<Forward>> read_forwards(sd_bus_message *reply);
Result<std::vector<Forward>> host_forwards(sd_bus *bus, const std::string &vm);

}  // namespace qemunit::ctl
