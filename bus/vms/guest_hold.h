// SPDX-License-Identifier: MIT
//
// A guest that is held for the moment of a backup: stopped, its file systems frozen by its agent.
// QEMU has a mark of each, so that the guest is let go whatever becomes of qemunitd: the next one
// does it as soon as it is connected. For BeginBackup, and for each Vm.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

class Vm;

// Freezes the file systems, if an agent listens and can; tells whether. `done` is called once.
void freeze_guest(const std::shared_ptr<Vm> &vm, sd_event *event, std::function<void(bool)> done);

// Lets the guest run, thaws its file systems, and removes the marks; asks QEMU which are there.
// Tries for half a minute, and then gives `done` what is wrong, "" if nothing is; but goes on
// trying as long as QEMU is there, until the guest is let go.
void let_guest_go(const std::shared_ptr<Vm> &vm, sd_event *event,
                  std::function<void(const std::string &)> done);

}  // namespace qemunit::bus
