// SPDX-License-Identifier: MIT
//
// Commands to one VM's QEMU, one after another. For backups, and for what has to forget their
// checkpoints.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bus/backup/backup_nodes.h"
#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

class Vm;

enum class OnRefusal { stop, go_on };

using Report = std::function<void(const VmMonitor::Reply &)>;

// QEMU's refusals end it or are passed over; everything else ends it. `done` is called once.
void run_commands(const std::weak_ptr<Vm> &weak, QmpCommands commands, OnRefusal on_refusal,
                  uint64_t deadline, const Report &done);

// Removes the bitmaps of all checkpoints: QEMU loads no snapshot of a disk that has some
// (bdrv_snapshot_goto() in block/snapshot.c). The next backup is a full one.
void forget_checkpoints(const std::weak_ptr<Vm> &weak, uint64_t deadline, const Report &done);

}  // namespace qemunit::bus
