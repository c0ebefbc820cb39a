// SPDX-License-Identifier: MIT
//
// Takes back what QEMU got for a drive that was attached while the VM ran, when the guest has let
// go of the drive: the block node, the open image. For DetachDrive and AttachDrive, and for a Vm
// whose guest lets a drive go when no caller waits for that any more.
#pragma once

#include <cstdint>
#include <string>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

// `done` is called once; with {} also if there was nothing to take back.
void release_drive(VmMonitor &monitor, const std::string &name, uint64_t deadline,
                   VmMonitor::ReplyCallback done);

// The name of the drive whose device is gone by this event; "" for all other events.
std::string drive_let_go(const QmpEvent &event);

}  // namespace qemunit::bus
