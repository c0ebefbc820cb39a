// SPDX-License-Identifier: MIT
//
// Where a machine has a place for another device of PCI, asked of its QEMU.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/methods/vm_call.h"
#include "bus/monitor/hot_drive.h"

namespace qemunit::bus {

// Its devices with an id.
inline constexpr char kPeripheral[] = "/machine/peripheral";

// With one root port that is free, if the machine has any. The caller of the bus hears it if a
// device `id`, or one that a section of the ini calls `name`, is there already; `what` it is:
// "drive".
void look_for_place(
    const CallPtr &call, const std::string &name, std::string_view what, const std::string &id,
    std::function<void(const HotPlugMachine &, const std::vector<std::string> &)> then);

}  // namespace qemunit::bus
