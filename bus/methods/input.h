// SPDX-License-Identifier: MIT
//
// The methods of org.qemunit1.VM that press keys and move the mouse, as sd-bus handlers; see
// vm_methods.h.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_send_keys(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_type_text(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_move_mouse(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
