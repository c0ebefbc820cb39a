// SPDX-License-Identifier: MIT
//
// A backup that is under way, from outside of the call that has begun it: what QEMU has of it, its
// end, and its caller, with whom it ends. For the methods of backups.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/backup/backup_nodes.h"
#include "bus/vms/command_run.h"
#include "bus/vms/vm.h"

namespace qemunit::bus {

// What QEMU says of a backup, and of its disks.
struct BackupState {
    BackupRecords records;
    nlohmann::json nodes, devices;
};

void look_at_backup(const std::weak_ptr<Vm> &vm, uint64_t deadline,
                    const std::function<void(std::expected<BackupState, QmpError>)> &then);

inline constexpr uint64_t kBackupEndTimeout = 20 * kSecond;

// Takes apart what is under way; `done` gets an error if something of it is still there.
void end_backup(const std::weak_ptr<Vm> &vm, uint64_t deadline, bool is_kept, const Report &done);

// Takes apart as much of a backup as has been made of it.
void take_apart(const std::weak_ptr<Vm> &vm, uint64_t deadline,
                const std::vector<BackupRecord> &records, const Report &done);

// Whether that name is on the bus; nothing if the bus cannot be asked.
void look_for_caller(sd_bus *bus, const std::string &caller,
                     std::function<void(std::optional<bool>)> told);

// Of a QEMU that has just been connected to: a backup that another qemunitd has begun goes on with
// its caller, or ends if that one has left meanwhile.
void take_up_backup(sd_bus *bus, const std::weak_ptr<Vm> &vm);

// The backup ends when `caller` leaves the bus, or the VM is about to stop. False if the caller
// has left already, or cannot be watched.
bool watch_backup_caller(sd_bus *bus, const std::string &caller, const std::shared_ptr<Vm> &vm);

}  // namespace qemunit::bus
