// SPDX-License-Identifier: MIT
//
// The methods of org.qemunit1.VM as sd-bus handlers (sd_bus_message_handler_t); their
// userdata is the Vm. Each becomes a QMP command and replies when QEMU has answered,
// or when its deadline has passed.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_monitor_command(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_execute(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_reset(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_power_off(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_quit(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
