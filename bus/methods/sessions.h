// SPDX-License-Identifier: MIT
//
// OpenMonitor, OpenQMP and PassFD of org.qemunit1.VM, as sd-bus handlers: fds that go from the
// daemon to a caller, and from a caller to QEMU.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_open_monitor(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_open_qmp(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_pass_fd(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
