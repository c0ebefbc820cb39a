// SPDX-License-Identifier: MIT
//
// The methods of org.qemunit1.VM about snapshots, as sd-bus handlers; see vm_methods.h.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_save_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_load_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_delete_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_list_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
