// SPDX-License-Identifier: MIT
//
// The methods of org.qemunit1.VM, a table for each topic, for vm_object.cpp, which registers them
// all on one interface; their userdata is the Vm. A table is in the file of its topic, with the
// handlers that it names; each handler is nothing but begin_call() (vm_call.h), since everybody may
// call it.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

extern const sd_bus_vtable kAgentMethods[];
extern const sd_bus_vtable kBackupMethods[];
extern const sd_bus_vtable kCommandMethods[];
extern const sd_bus_vtable kDriveMethods[];
extern const sd_bus_vtable kDriveSizeMethods[];
extern const sd_bus_vtable kForwardMethods[];
extern const sd_bus_vtable kInputMethods[];
extern const sd_bus_vtable kMediumMethods[];
extern const sd_bus_vtable kMemoryMethods[];
extern const sd_bus_vtable kMemorySizeMethods[];
extern const sd_bus_vtable kMigrationMethods[];
extern const sd_bus_vtable kNetworkMethods[];
extern const sd_bus_vtable kProcessorMethods[];
extern const sd_bus_vtable kScreenshotMethods[];
extern const sd_bus_vtable kSerialMethods[];
extern const sd_bus_vtable kSessionMethods[];
extern const sd_bus_vtable kSnapshotMethods[];
extern const sd_bus_vtable kStatisticsMethods[];

// Who may call is for access/authorization.h to say: sd-bus itself lets everybody in.
inline constexpr auto kAnybody = SD_BUS_VTABLE_UNPRIVILEGED;

}  // namespace qemunit::bus
