// SPDX-License-Identifier: MIT
//
// The method GetStatistics of org.qemunit1.VM, as sd-bus handler; see vm_methods.h. Asks QEMU and
// systemd at once, and answers when both have.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
