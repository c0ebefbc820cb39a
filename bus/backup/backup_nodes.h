// SPDX-License-Identifier: MIT
//
// A backup that is under way, in QEMU's words: the names of its nodes, the commands that make and
// remove them, and the record of it that QEMU keeps beside each scratch image. qemunitd keeps none:
// whichever qemunitd is there ends the backup. Pure.
//
// The guest writes through a filter (copy-before-write) that first saves what is overwritten into
// the scratch image. A client of NBD reads through another one (snapshot-access), which has from
// there what was saved and everything else from the disk. If the scratch image is full, the client
// gets errors, and the guest nothing of it (on-cbw-error).
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/backup/backup_disks.h"

namespace qemunit::bus {

struct BackupRecord {
    BackupDisk disk;  // without its checkpoints
    unsigned index = 0;
    std::string checkpoint;
    std::string since;   // "" for a full backup
    std::string caller;  // on the bus, ":1.5"
    std::optional<int64_t> fd_set;
};

std::string record_text(const BackupRecord &record);
// Of answers to query-fdsets and query-named-block-nodes. QEMU forgets a record late: one without a
// scratch image is `left` of a backup that has ended.
struct BackupRecords {
    std::vector<BackupRecord> live;  // in the order of their disks
    std::vector<BackupRecord> left;
};
BackupRecords backup_records(const nlohmann::json &fd_sets, const nlohmann::json &named_nodes);

// What the device has while the backup is under way.
std::string filter_node(const BackupRecord &record);

struct QmpCommand {
    std::string name;
    nlohmann::json arguments;
};
using QmpCommands = std::vector<QmpCommand>;

// The bitmap that a client asks for by "qemu:dirty-bitmap:qemunit-changed".
inline constexpr std::string_view kChangedBitmap = "qemunit-changed";

// The scratch image, in a file of `limit` bytes: the file's node, what blockdev-create gets (null
// for UEFI variables, which have no format), and the image's node.
nlohmann::json scratch_file_arguments(const BackupRecord &record, uint64_t limit);
nlohmann::json create_scratch_arguments(const BackupRecord &record);
nlohmann::json scratch_arguments(const BackupRecord &record);

// Forgets checkpoints that are of no use any more: broken ones, and the oldest where there are
// many.
QmpCommands surplus_commands(const std::vector<BackupDisk> &disks, std::string_view since);

// Forgets all checkpoints.
QmpCommands forget_commands(const std::vector<BackupDisk> &disks);

// Whether one of these devices has a filter of a backup.
bool has_backup_filter(const nlohmann::json &query_block);

// What has to happen while the guest is stopped: the bitmaps of all disks, and the copies of UEFI
// variables, by one transaction; then the filters.
QmpCommands moment_commands(const std::vector<BackupRecord> &records);
// The block job that copies them.
std::string variables_job(const BackupRecord &record);

QmpCommands export_commands(const std::vector<BackupRecord> &records);

// Everything back to how it was. `now`: the disks as they are. `is_kept`: the checkpoint is one
// from now on, and takes the place of that before; otherwise it is forgotten. Some of these may
// fail, where not all of it had been made.
QmpCommands end_commands(const std::vector<BackupRecord> &records,
                         const std::vector<BackupDisk> &now, bool is_kept);

// What QEMU has while the guest is stopped or its file systems are frozen by us, for a qemunitd
// that comes after one that was killed.
inline constexpr std::string_view kStoppedMark = "qemunit-backup-stopped";
inline constexpr std::string_view kFrozenMark = "qemunit-backup-frozen";
// The file systems were frozen at the moment of the backup.
inline constexpr std::string_view kQuietMark = "qemunit-backup-quiet";
nlohmann::json mark_arguments(std::string_view mark);
bool has_node(const nlohmann::json &named_nodes, std::string_view node);

}  // namespace qemunit::bus
