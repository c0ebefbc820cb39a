// SPDX-License-Identifier: MIT
//
// OpenSerial of org.qemunit1.VM, as an sd-bus handler: a connection to the socket of a serial
// port of a VM that runs, made by the daemon and handed on. It never boots a VM.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_open_serial(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
