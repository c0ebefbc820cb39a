// SPDX-License-Identifier: MIT
//
// The method Screenshot of org.qemunit1.VM, as an sd-bus handler; see vm_methods.h. QEMU may
// write to no file of ours, so it is handed one, which lies in memory.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_screenshot(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
