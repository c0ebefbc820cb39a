// SPDX-License-Identifier: MIT
//
// The object /org/qemunit1: org.qemunit1.Manager, which finds VMs, and the
// ObjectManager of everything below it.
#pragma once

#include <systemd/sd-bus.h>

#include "bus/vms/vm_registry.h"
#include "common/result.h"

namespace qemunit::bus {

// `registry` outlives the use of the bus.
Result<> add_manager_object(sd_bus *bus, VmRegistry &registry);

}  // namespace qemunit::bus
