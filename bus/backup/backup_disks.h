// SPDX-License-Identifier: MIT
//
// The disks of a running VM as a backup sees them, and which checkpoints they know: pure, from
// QEMU's words. What cannot be backed up is left out here, and nowhere else.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

struct BackupDisk {
    std::string name;    // "root"; of UEFI variables: kVariablesName
    std::string node;    // that the device reads and writes, as QEMU calls it
    std::string device;  // its place in QEMU's tree of objects; "" for UEFI variables
    std::string format;  // "qcow2"
    uint64_t size = 0;   // bytes that the guest sees
    // The variables are small and of the firmware: they are copied at the moment of the backup.
    bool is_variables = false;
    // Changes are still known when QEMU has ended (qcow2 of version 3). Of others, QEMU knows them
    // while it runs.
    bool keeps_checkpoints = false;
    std::vector<std::string> checkpoints;  // the oldest first
    std::vector<std::string> broken;       // that QEMU knows, but not for certain
};

inline constexpr std::string_view kVariablesName = "uefi-variables";

// Of an answer to query-block: the disks that the guest writes and that outlive QEMU, in QEMU's
// order. An error if there is none, or if one has no name for an export of NBD.
std::expected<std::vector<BackupDisk>, std::string> backup_disks(const nlohmann::json &query_block);

// "qemunit-checkpoint-20261129T162344Z-1f2e3d4c", a dirty bitmap: what changes since then. They
// sort by time.
inline constexpr std::string_view kCheckpointBitmaps = "qemunit-checkpoint-";
std::string checkpoint_bitmap(std::string_view checkpoint);
// Letters, digits and "-", as backup_name() makes them.
bool is_checkpoint_name(std::string_view text);

// Why the disks do not know all that has changed since then; "" if they do.
std::string unknown_checkpoint(const std::vector<BackupDisk> &disks, std::string_view checkpoint);

// How many bytes the scratch image of one of `disks` may take on a file system with `available`
// bytes: all of them together half of that, and none more than a guest can overwrite.
uint64_t scratch_limit(uint64_t size, uint64_t available, std::size_t disks);

}  // namespace qemunit::bus
