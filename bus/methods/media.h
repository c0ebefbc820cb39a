// SPDX-License-Identifier: MIT
//
// The methods ChangeMedium and EjectMedium of org.qemunit1.VM, as sd-bus handlers; see
// vm_methods.h. The image comes as an open file: the sandbox of the VM, which sees the files
// of its ini and no others, stays as it is.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_change_medium(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_eject_medium(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
