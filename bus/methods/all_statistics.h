// SPDX-License-Identifier: MIT
//
// GetAllStatistics of org.qemunit1.Manager: what all VMs have used up, in one answer that no VM can
// hold up. Registered by manager_object.cpp; its userdata is the VmRegistry.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_get_all_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
