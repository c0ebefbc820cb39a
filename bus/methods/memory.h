// SPDX-License-Identifier: MIT
//
// The methods SetBalloon and DumpMemory of org.qemunit1.VM, as sd-bus handlers; see
// vm_methods.h.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_set_balloon(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_dump_memory(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
