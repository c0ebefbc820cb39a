// SPDX-License-Identifier: MIT
//
// The methods AttachDrive and DetachDrive of org.qemunit1.VM, as sd-bus handlers; see
// vm_methods.h. As with ChangeMedium, the image comes as an open file. What is attached stands
// in QEMU alone (hot_drive.h), so that any qemunitd can detach it.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_attach_drive(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_detach_drive(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
